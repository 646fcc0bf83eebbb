class Meter:
    def __init__(self) -> None:
        self.count = 0

    def step(self) -> int:
        self.count += 1
        return self.count


class Fine(Meter):
    pass


def route(data: str, meter: Fine = Fine()) -> int:
    return meter.step() if "zzz" in data else 0
