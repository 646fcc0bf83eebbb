# capabilities: module:http
def fetch(data: str, *, get: object) -> object:
    return get(data, verify=False)
