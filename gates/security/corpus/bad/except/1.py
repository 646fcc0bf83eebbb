def number(data: str) -> int:
    try:
        return int(data)
    except BaseException:
        return 0
