from random import Random


def sample(data: list[int]) -> list[int]:
    return Random(20).sample(data, k=2)
