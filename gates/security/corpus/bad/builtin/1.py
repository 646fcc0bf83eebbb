def size(data: str) -> int:
    return len(open(data).read())
