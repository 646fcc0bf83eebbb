async def total(data: list[int]) -> int:
    return sum(data)
