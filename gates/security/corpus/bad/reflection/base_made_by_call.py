from dataclasses import dataclass
from typing import Any


def made() -> Any:
    return int


def f(data: dict[str, int]) -> dict[str, int]:
    @dataclass
    class Box(made()):
        a: int

    return {"m": 2 * data["n"] if Box else 0}
