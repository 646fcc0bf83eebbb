def kind(data: object) -> str:
    return "{0.__class__}".format(data)
