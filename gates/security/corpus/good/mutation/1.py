BASE = ["a", "b"]


def with_all(data: list[str], extra: list[str] | None = None) -> list[str]:
    found = list(BASE)
    found.extend(data)
    found += extra or []
    found.sort()
    return found
