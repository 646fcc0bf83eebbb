class Meta(type):
    def __call__(cls, *args):
        return 1


def f(data: dict[str, int]) -> dict[str, int]:
    return {"m": 2 * data["n"] if Meta("X", (), {"__del__": print}) else 0}
