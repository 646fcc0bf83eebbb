from typing import Protocol
from typing import overload


class Sized(Protocol):
    def size(self) -> int: ...


@overload
def double(n: int) -> int: ...
@overload
def double(n: str) -> str: ...
def double(n: int | str) -> int | str:
    return n * 2


def f(data: dict[str, int]) -> dict[str, int]:
    return {"m": double(data["n"])}
