def route(data: str) -> int:
    try:
        return int(data)
    except ValueError:
        return 0
