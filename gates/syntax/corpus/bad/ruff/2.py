def route(data: str) -> int:
    try:
        return int(data)
    except:
        return 0
