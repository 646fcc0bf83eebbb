def total(data: list[int]) -> int:
    result = 0
    for index in range(len(data) + 1):
        result += data[index]
    return result
