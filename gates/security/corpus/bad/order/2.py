def line(data: list[str]) -> str:
    return ", ".join({word.strip() for word in data})
