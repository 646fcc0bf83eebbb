import functools
import itertools
import operator


def f(data: dict[str, int]) -> dict[str, int]:
    lists = [[n] for n in range(data["n"] % 7)]
    flat = functools.reduce(operator.iconcat, lists, [])
    sums = list(itertools.accumulate(flat, operator.add))
    return {"m": sum(sums)}
