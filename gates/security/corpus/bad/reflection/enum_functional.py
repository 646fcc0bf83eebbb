from copy import copy
from enum import Enum


def hook(*args: object) -> object:
    return dict, ()


def f(data: dict[str, int]) -> dict[str, int]:
    box = Enum("Box", {"A": 1, "__reduce_ex__": hook})
    copy(box["A"])
    return {"m": 2 * data["n"]}
