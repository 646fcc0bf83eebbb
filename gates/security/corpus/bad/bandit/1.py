def address(data: str) -> tuple[str, str]:
    return data, "0.0.0.0"
