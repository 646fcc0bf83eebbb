def read(data: object, name: str) -> object:
    return getattr(data, name)
