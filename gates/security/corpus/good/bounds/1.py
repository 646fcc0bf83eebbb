def total(data: list[int]) -> int:
    result = 0
    for index in range(len(data)):
        result += data[index]
    return result


def steps(data: list[int]) -> list[int]:
    ways = [1] * (len(data) + 1)
    return [ways[index] for index in range(len(data) + 1)]
