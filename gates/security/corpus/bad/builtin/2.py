def value(data: str) -> object:
    return eval(data)
