from functools import wraps
from types import SimpleNamespace


class Box:
    """A box."""


def f(data: dict[str, int]) -> dict[str, int]:
    try:
        wraps(SimpleNamespace(__annotations__={"x=[0][print()]": int}))(Box)
    except AttributeError:
        pass
    return {"m": 2 * data["n"]}
