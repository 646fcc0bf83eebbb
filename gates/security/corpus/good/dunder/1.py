def kind(data: object) -> str:
    return type(data).__name__
