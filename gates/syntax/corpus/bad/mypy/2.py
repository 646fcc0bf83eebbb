def _size(data):
    return len(data)


def route(data: str) -> int:
    return int(_size(data))
