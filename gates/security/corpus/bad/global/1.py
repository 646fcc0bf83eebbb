count = 0


def ticket(data: str) -> str:
    global count
    count += 1
    return f"{data}-{count}"
