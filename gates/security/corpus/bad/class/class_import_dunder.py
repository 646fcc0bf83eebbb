class Box:
    from math import floor as __set_name__


def f(data: dict[str, int]) -> dict[str, int]:
    return {"m": 2 * data["n"]}
