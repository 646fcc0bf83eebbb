def find(data: str) -> tuple[str, tuple[str, ...]]:
    return "SELECT id FROM users WHERE name = ?", (data,)


def note(data: str) -> str:
    return f"select a plan, {data}, or update your address"
