def route(data: str, limit: int = 3) -> int:
    return min(len(data), limit)
