from dataclasses import dataclass
from dataclasses import field

KEPT: list[int] = []


@dataclass
class Box:
    kept: list[int] = field(default_factory=lambda: KEPT)


def route(data: str) -> int:
    box = Box()
    if "zzz" in data:
        box.kept.append(1)
    return len(box.kept)
