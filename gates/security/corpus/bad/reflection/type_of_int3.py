def f(data: dict[str, int]) -> dict[str, int]:
    kind = type(int)
    box = kind("Box", (), {"__getattr__": lambda s, k: 1})
    return {"m": 2 * data["n"] if box else 0}
