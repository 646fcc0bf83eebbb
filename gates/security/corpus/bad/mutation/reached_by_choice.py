KEPT: list[int] = []


def route(data: str) -> int:
    found = KEPT if "zzz" in data else [1]
    found.append(1)
    return len(KEPT)
