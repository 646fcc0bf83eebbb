def words(data: str) -> list[str]:
    return sorted(set(data.lower().split()))


def count(data: list[int]) -> int:
    return len(list(set(data)))
