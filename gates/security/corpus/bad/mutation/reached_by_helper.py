KEPT: list[int] = []


def kept() -> list[int]:
    return KEPT


def route(data: str) -> int:
    if "zzz" in data:
        kept().append(1)
    return len(KEPT)
