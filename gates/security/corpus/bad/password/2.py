def is_long(data: str, password: str) -> bool:
    return len(password) > 3
