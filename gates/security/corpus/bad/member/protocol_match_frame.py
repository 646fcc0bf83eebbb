from dataclasses import dataclass
from typing import Any
from typing import Protocol
from typing import runtime_checkable


@runtime_checkable
@dataclass
class Gen(Protocol):
    gi_frame: Any


def steps():
    yield 1


def f(data: dict[str, int]) -> dict[str, int]:
    match steps():
        case Gen(frame):
            return {"m": 2 * data["n"] if frame else 0}
    return {"m": 0}
