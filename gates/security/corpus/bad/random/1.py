from random import Random


def pick(data: list[int]) -> int:
    return Random().choice(data)
