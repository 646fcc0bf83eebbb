import re

PATTERN = re.compile("".join(["^(a+", ")+$"]))


def f(data: dict[str, int]) -> dict[str, int]:
    return {"m": 2 * data["n"] if not PATTERN.search(str(data["n"])) else 0}
