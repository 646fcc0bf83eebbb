class Box:
    kept: list[int] = []

    def add(self) -> int:
        self.kept.append(1)
        return len(self.kept)


def route(data: str) -> int:
    return Box().add() if "zzz" in data else 0
