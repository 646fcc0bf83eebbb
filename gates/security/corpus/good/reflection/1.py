def read(data: object) -> object:
    return getattr(data, "amount", None) if hasattr(data, "amount") else type(data).__name__
