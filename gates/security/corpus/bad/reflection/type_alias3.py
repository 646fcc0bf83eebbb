def f(data: dict[str, int]) -> dict[str, int]:
    kind = type
    box = kind("Box", (), {"__match_args__": ("gi_frame",)})
    return {"m": 2 * data["n"] if box else 0}
