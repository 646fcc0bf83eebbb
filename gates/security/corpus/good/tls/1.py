def fetch(data: str, *, get: object) -> object:
    return get(data, verify=True)
