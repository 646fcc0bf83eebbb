def find(data: str) -> str:
    return f"SELECT id FROM users WHERE name = '{data}'"
