class Box:
    one = (__class_getitem__ := lambda key: key)


def f(data: dict[str, int]) -> dict[str, int]:
    return {"m": 2 * Box[data["n"]]}
