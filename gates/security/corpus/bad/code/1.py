def total(data: str) -> object:
    return eval(data)
