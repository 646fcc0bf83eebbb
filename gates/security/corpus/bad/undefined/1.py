def swap(data: list[int]) -> list[int]:
    return exchange(data)
