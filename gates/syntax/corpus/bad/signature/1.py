def route(text: str) -> int:
    return len(text)
