def f(data: dict[str, int]) -> dict[str, int]:
    text = getattr("{0.__class__.__mro__}", "format")(data)
    return {"m": 2 * data["n"] if text else 0}
