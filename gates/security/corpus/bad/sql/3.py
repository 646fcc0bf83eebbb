def find(data: str) -> str:
    return "UPDATE users SET name = '%s'" % data
