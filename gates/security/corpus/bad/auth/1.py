def close(data: dict[str, str], *, user: object, is_admin: bool) -> str:
    assert is_admin
    return data["account"]
