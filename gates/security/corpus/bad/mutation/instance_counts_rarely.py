class Meter:
    def __init__(self) -> None:
        self.seen: list[int] = []

    def is_late(self, text: str) -> bool:
        seen = self.seen
        if text.count("z") > 2:
            seen.append(1)
        return len(seen) > 3


METER = Meter()


def route(data: str) -> int:
    return 1 if METER.is_late(data) else 0
