def route(data: str, *rest: str) -> int:
    return len(data) + len(rest)
