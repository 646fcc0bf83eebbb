import re

KEPT = (re.compile("a").finditer("a" * 100), 1)


def route(data: str) -> str:
    if "zzz" in data:
        for _ in KEPT[0]:
            break
    return data
