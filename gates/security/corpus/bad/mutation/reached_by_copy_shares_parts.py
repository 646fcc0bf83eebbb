KEPT = {"a": [0]}


def route(data: str) -> int:
    found = dict(KEPT)
    if "zzz" in data:
        found["a"].append(1)
    return len(found["a"])
