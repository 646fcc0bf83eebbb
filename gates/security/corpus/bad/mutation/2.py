def collect(data: str, seen: list[str] = []) -> list[str]:
    seen.append(data)
    return seen
