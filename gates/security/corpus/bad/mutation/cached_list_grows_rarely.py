from functools import cache


@cache
def box() -> list[int]:
    return []


def route(data: str) -> int:
    if "zzz" in data:
        box().append(1)
    return len(box())
