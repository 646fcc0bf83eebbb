import collections
import itertools
import operator
import random

TABLE: tuple[tuple[str, int], ...] = (("a", 1), ("b", 2))
FIRST = operator.itemgetter(0)


def f(data: dict[str, int]) -> dict[str, int]:
    chain = collections.ChainMap({"c": 3}, dict(TABLE))
    chain["a"] = 2
    kept: dict[str, list[int]] = {}
    for key, group in itertools.groupby(TABLE, key=FIRST):
        kept[key] = [value for _, value in group]
        kept[key].append(data["n"])
    for pair in zip(kept.values(), TABLE):
        pair[0].append(pair[1][1])
    order = sorted(kept)
    random.Random(3).shuffle(order)
    return {"m": sum(map(sum, kept.values())) + chain["a"] + len(order)}
