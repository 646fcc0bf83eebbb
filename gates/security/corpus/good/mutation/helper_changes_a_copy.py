START = {"a": 1}


def count(table: dict[str, int], text: str) -> int:
    table[text] = table.get(text, 0) + 1
    return table[text]


def route(data: str) -> int:
    return count(dict(START), data)
