SEEN: dict[str, int] = {}


def count(table: dict[str, int], text: str) -> int:
    table[text] = table.get(text, 0) + 1
    return table[text]


def later(text: str, table: dict[str, int]) -> int:
    return count(table, text) if "zzz" in text else 0


def route(data: str) -> int:
    return later(data, table=SEEN)
