def one(data: str) -> str:
    return {"a", "b", data}.pop()
