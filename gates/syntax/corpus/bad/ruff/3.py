def route(data: str) -> int:
    table = {"a": 1, "a": 2}
    return table.get(data, 0)
