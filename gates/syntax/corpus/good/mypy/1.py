def route(data: str) -> int:
    if not data:
        raise Abstain("no text")
    return len(data.split())
