def route(data: str) -> str:
    return data
