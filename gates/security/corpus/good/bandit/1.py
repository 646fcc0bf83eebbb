def address(data: str) -> tuple[str, str]:
    return data, "192.0.2.1"
