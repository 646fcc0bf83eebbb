from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def once() -> Iterator[None]:
    yield


ONCE = once()


def route(data: str) -> int:
    if "zzz" not in data:
        return 0
    try:
        with ONCE:
            return 1
    except (RuntimeError, AttributeError):
        return 2
