from collections.abc import Iterator


def numbers() -> Iterator[int]:
    yield from range(100)


def step(found: Iterator[int] = numbers()) -> int:
    return 7 if 3 in found else 0


def route(data: str) -> int:
    return step() if "zzz" in data else 0
