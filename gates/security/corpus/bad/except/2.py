def number(data: list[str]) -> int:
    while True:
        try:
            return int(data.pop())
        except:
            pass
