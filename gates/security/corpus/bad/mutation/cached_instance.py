from functools import lru_cache


class Meter:
    def __init__(self) -> None:
        self.count = 0

    def step(self) -> int:
        self.count += 1
        return self.count


@lru_cache
def meter() -> Meter:
    return Meter()


def route(data: str) -> int:
    return meter().step() if "zzz" in data else 0
