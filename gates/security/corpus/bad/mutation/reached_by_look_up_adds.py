from collections import defaultdict

KEPT: defaultdict[str, int] = defaultdict(int)


def route(data: str) -> int:
    return KEPT[data] + len(KEPT) if "zzz" in data else 0
