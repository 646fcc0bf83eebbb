import re


def is_run(data: str) -> bool:
    return re.match(r"(a|ab|b)*c", data) is not None
