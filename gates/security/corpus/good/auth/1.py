def close(data: dict[str, str], *, user: object, is_admin: bool) -> str:
    if not is_admin:
        raise ValueError("only for administrators")
    return data["account"]
