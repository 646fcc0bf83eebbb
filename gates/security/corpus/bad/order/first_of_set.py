def first(data: str) -> str:
    word, *_ = {"a", "b", data}
    return word
