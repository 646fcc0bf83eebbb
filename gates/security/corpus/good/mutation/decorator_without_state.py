from collections.abc import Callable
from functools import wraps


def doubled(function: Callable[[str], int]) -> Callable[[str], int]:
    @wraps(function)
    def inner(text: str) -> int:
        parts: list[int] = []
        parts.append(function(text))
        return 2 * sum(parts)

    return inner


@doubled
def size(text: str) -> int:
    return len(text)


def route(data: str) -> int:
    return size(data)
