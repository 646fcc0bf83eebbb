import json


def text(data: str) -> str:
    return json.codecs.open(data).read()
