def route(data: str) -> int:
    if data:
        size = len(data)
    return size
