def folder(data: str) -> tuple[str, str]:
    return data, "work"
