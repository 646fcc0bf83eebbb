from enum import Enum


class Unit(Enum):
    CM = "cm"
    IN = "in"


def same(data: dict[str, str]) -> bool:
    source, target = Unit(data["unit"]), Unit(data["to"])
    return source is target
