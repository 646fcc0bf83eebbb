from functools import partial


def tick(seen: list[int]) -> int:
    seen.append(1)
    return len(seen)


STEP = partial(tick, [])


def route(data: str) -> int:
    return STEP() if "zzz" in data else 0
