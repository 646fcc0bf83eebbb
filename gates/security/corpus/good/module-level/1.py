import re

TABLE = {"a": 1, "b": 2}
WORDS = tuple(word for word in sorted(TABLE))
NUMBER = re.compile(r"\d+")
KNOWN: frozenset[str] = frozenset(TABLE)


def value(data: str) -> int:
    return TABLE.get(data, len(WORDS)) if NUMBER.search(data) is None and data in KNOWN else 0
