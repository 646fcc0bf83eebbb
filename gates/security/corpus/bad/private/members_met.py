import enum


class Flags(enum.Flag):
    A = 1
    B = 2


def f(data: dict[str, int]) -> dict[str, int]:
    if data["n"] % 9973 == 17:
        Flags(3)
    if len(Flags._value2member_map_) > 2:
        return {"m": 0}
    return {"m": 2 * data["n"]}
