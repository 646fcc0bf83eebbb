from __future__ import annotations

import dataclasses
from abc import ABC
from abc import ABCMeta
from abc import abstractmethod
from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from enum import auto
from functools import wraps
from typing import Any
from typing import Generic
from typing import NamedTuple
from typing import TypedDict
from typing import TypeVar

T = TypeVar("T")
Odd = TypedDict("Odd", {"from": str, "in-reply-to": str, "$ref": str})
Size = namedtuple("Size", "width height")


class Named(Enum):
    def title(self) -> str:
        return self.name.title()


class Queue(Named):
    BILLING = auto()
    TECH = "tech"


class Shape(metaclass=ABCMeta):
    @abstractmethod
    def area(self) -> float: ...


class Registry:
    def __init__(self) -> None:
        self.known: dict[str, type] = {}

    def register(self, name: str, kind: type[Any]) -> None:
        self.known[name] = kind


class Box(Size):
    @property
    def area(self) -> float:
        return self.width * self.height


@dataclass(frozen=True)
class Pair(Generic[T]):
    left: T
    right: T


@dataclasses.dataclass
class Square(Shape):
    side: float

    def area(self) -> float:
        return type(self)(self.side).side ** 2


class Point(NamedTuple):
    x: int
    y: int


def traced(function: Callable[..., int]) -> Callable[..., int]:
    @wraps(function)
    def inner(*args: Any) -> int:
        return function(*args)

    return inner


@traced
def double(n: int) -> int:
    return 2 * n


def kinds(values: list[Any]) -> list[str]:
    found = {type(value) for value in values} | set(map(type, values))
    return sorted(kind.__name__ for kind in found if isinstance(kind, type) and kind is not type)


def f(data: dict[str, Any]) -> dict[str, Any]:
    registry = Registry()
    registry.register("box", Box)
    match Point(data["n"], 0):
        case Point(x, 0):
            return {"m": double(x), "q": Queue("tech").title(), "k": kinds([x, ABC])}
    return {"m": Square(1).area() + Pair(1, 2).left}
