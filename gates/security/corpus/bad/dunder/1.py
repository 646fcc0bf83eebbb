def kinds(data: object) -> object:
    return data.__class__.__bases__[0].__subclasses__()
