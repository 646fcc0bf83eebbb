def total(data: str) -> object:
    return compile(data, "x", "eval")
