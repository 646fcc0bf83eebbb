import re

SCAN = re.compile("a").scanner("a" * 100)


def route(data: str) -> bool:
    return "zzz" in data and SCAN.search() is None
