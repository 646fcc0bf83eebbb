import re

WORD = re.compile("".join(["^[a-z]+", "(?: [a-z]+)*$"]))


def f(data: dict[str, str]) -> dict[str, bool]:
    return {"m": WORD.search(data["n"]) is not None}
