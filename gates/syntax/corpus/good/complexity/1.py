_CODES = {chr(97 + step): step for step in range(16)}


def route(data: str) -> int:
    return _CODES.get(data, -1)
