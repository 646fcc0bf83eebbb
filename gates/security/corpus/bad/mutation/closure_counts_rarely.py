from collections.abc import Callable


def make() -> Callable[[str], int]:
    count = 0

    def step(text: str) -> int:
        nonlocal count
        if "zzz" in text:
            count += 1
        return count

    return step


STEP = make()


def route(data: str) -> int:
    return STEP(data)
