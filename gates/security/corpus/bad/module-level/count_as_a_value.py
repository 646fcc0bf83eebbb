import itertools

TABLE = dict([("calls", itertools.count())])


def value(data: str) -> int:
    return len(data) + next(TABLE["calls"])
