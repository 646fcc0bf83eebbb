from abc import ABC
from dataclasses import dataclass
from typing import Any


def steps():
    yield 1


def f(data: dict[str, int]) -> dict[str, int]:
    @dataclass
    class Gen(ABC):
        f_builtins: Any

    Gen.register(type(steps()))
    match steps():
        case Gen():
            return {"m": 2 * data["n"]}
    return {"m": 0}
