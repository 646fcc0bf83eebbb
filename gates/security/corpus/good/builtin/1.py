import json


def value(data: str) -> object:
    return json.loads(data)
