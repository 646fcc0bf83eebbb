from functools import reduce
from operator import iadd

KEPT: list[str] = []


def route(data: str) -> int:
    return len(reduce(iadd, [[data]], KEPT)) if "zzz" in data else 0
