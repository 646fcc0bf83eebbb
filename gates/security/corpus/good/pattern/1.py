import re

_SHAPES = {"day": r"\d{4}-\d{2}-\d{2}", "code": r"[A-Z]{3}"}


def has(word: str, text: str) -> bool:
    return re.search(rf"\b{re.escape(word)}\b", text) is not None


def find(text: str) -> list[str]:
    return [name for name, shape in sorted(_SHAPES.items()) if first(shape, text)]


def first(shape: str, text: str) -> str:
    found = re.search(shape, text)
    return found.group(0) if found else ""
