import functools


@functools.cache
def _size(data: str) -> int:
    return len(data)


def route(data: str) -> int:
    return _size(data)
