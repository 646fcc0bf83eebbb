from random import Random
from statistics import NormalDist


def shuffled(values: list[int], dice: Random) -> list[int]:
    dice.shuffle(values)
    return values


def f(data: dict[str, int]) -> dict[str, float]:
    dice = Random(20)
    dice.seed(5)
    samples = list(range(3))
    return {"m": shuffled(samples, dice)[0] + NormalDist(0, 1).samples(2, seed=7)[0]}
