class Box:
    for __del__ in [lambda self: None]:
        pass


def f(data: dict[str, int]) -> dict[str, int]:
    Box()
    return {"m": 2 * data["n"]}
