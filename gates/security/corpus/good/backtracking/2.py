import re

_PARTS = {"amount": re.compile(r"(?:\d{1,3},)*\d{1,3}\.\d{2}"), "day": re.compile(r"\d{4}-\d{2}-\d{2}")}


def find(data: str) -> list[str]:
    return [name for name in sorted(_PARTS) if _PARTS[name].search(data)]
