import re

_DIGIT = re.compile(r"\d")
_GROUP = re.compile(r"(\d[\d ]*)")


def route(data: str) -> int:
    last = _GROUP.search(data)
    if last is None:
        return 0
    digits = "".join(_DIGIT.findall(last.group(1)))
    return int(digits) + len(_DIGIT.findall(data))
