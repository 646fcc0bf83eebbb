def same(data: dict[str, list[str]]) -> bool:
    first, second = data["first"], data["second"]
    return first is not second
