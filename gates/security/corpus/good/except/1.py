def number(data: str) -> int:
    try:
        return int(data)
    except (ValueError, TypeError):
        return 0
