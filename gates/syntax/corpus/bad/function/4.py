async def route(data: str) -> int:
    return len(data)
