from dataclasses import dataclass
from dataclasses import fields
from functools import cache
from operator import iconcat

TABLE = (1, 2, 3)


@dataclass
class Box:
    a: int


@cache
def double(n: int) -> int:
    return 2 * n


def f(data: dict[str, int]) -> dict[str, object]:
    found: list[int] = []
    put = found.append
    for value in TABLE:
        put(double(value))
    names = [item.name for item in fields(Box)]
    return {"m": iconcat(found, [1]), "names": names}
