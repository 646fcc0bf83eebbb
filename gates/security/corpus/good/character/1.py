def greeting(data: str) -> str:
    return f"Grüße, {data}"
