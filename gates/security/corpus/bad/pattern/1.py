import re


def has(pattern: str, text: str) -> bool:
    return re.search(pattern, text) is not None
