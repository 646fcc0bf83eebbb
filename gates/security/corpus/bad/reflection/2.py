def build(data: str) -> type:
    return type(data, (), {})
