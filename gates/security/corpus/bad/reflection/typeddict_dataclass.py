from dataclasses import dataclass
from typing import TypedDict

Odd = TypedDict("Odd", {"a=[0][list()],b='''": int})


def f(data: dict[str, int]) -> dict[str, int]:
    if data["n"] == 7777:
        dataclass(Odd)
    return {"m": 2 * data["n"]}
