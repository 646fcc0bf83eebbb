def words(data: str) -> list[str]:
    return list(set(data.lower().split()))
