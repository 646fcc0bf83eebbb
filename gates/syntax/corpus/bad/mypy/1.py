def route(data: str) -> int:
    return data.split()
