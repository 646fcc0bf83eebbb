import json


def root(data: str) -> list[str]:
    return sorted(json.loads(data))
