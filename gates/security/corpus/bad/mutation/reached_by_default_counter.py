from collections import Counter


def tick(seen: Counter[str] = Counter()) -> int:
    seen["n"] += 1
    return seen["n"]


def route(data: str) -> int:
    return tick() if "zzz" in data else 0
