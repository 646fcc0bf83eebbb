WORDS = (word for word in ["a", "b"])


def has(data: str) -> bool:
    return data in WORDS
