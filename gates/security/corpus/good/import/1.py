import math
from collections import Counter
from decimal import Decimal
from itertools import chain


def total(data: list[list[str]]) -> float:
    counts = Counter(chain.from_iterable(data))
    return math.fsum(float(Decimal(key)) * count for key, count in sorted(counts.items()))
