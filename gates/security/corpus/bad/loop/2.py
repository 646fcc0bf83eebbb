import itertools


def spin(data: int) -> int:
    for step in itertools.count():
        data += step
    return data
