def last(data: list[int]) -> int:
    return data[len(data)]
