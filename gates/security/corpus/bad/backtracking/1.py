import re

_WORDS = re.compile(r"^(\w+\s?)*$")


def is_words(data: str) -> bool:
    return _WORDS.match(data) is not None
