from copy import copy
from functools import wraps
from types import SimpleNamespace


class Box:
    pass


def fn(*args):
    return (SimpleNamespace, ())


def f(data: dict[str, int]) -> dict[str, int]:
    wraps(SimpleNamespace(__reduce_ex__=fn), assigned=("__reduce_ex__",), updated=())(Box)
    copy(Box())
    return {"m": 2 * data["n"]}
