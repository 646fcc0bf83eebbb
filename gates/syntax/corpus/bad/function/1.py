def rout(data: str) -> int:
    return len(data)
