import math as m


def root(data: float) -> float:
    return m.sqrt(data)
