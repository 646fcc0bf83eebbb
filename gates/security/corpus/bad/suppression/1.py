def value(data: str) -> int:
    return int(data)  # noqa
