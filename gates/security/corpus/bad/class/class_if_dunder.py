class Box:
    if True:

        def __init_subclass__(cls) -> None:
            cls.seen = 1


class Inner(Box):
    pass


def f(data: dict[str, int]) -> dict[str, int]:
    return {"m": 2 * data["n"]}
