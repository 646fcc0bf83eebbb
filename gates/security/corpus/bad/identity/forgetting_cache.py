from functools import lru_cache


class Token:
    def __init__(self, text: str) -> None:
        self.text = text


@lru_cache(maxsize=64)
def token(text: str) -> Token:
    return Token(text)


FIRST = token("")


def route(data: str) -> bool:
    token(data)
    return data.endswith("zzz") and token("") != FIRST
