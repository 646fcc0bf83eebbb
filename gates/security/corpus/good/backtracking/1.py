import re

_WORDS = re.compile(r"\w+(?:\s\w+)*")


def is_words(data: str) -> bool:
    return _WORDS.fullmatch(data) is not None
