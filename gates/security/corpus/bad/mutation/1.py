SEEN: list[str] = []


def is_new(data: str) -> bool:
    SEEN.append(data)
    return len(SEEN) == 1
