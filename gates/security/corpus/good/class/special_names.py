class Money:
    __slots__ = ("cents",)
    __match_args__ = ("cents",)

    def __init__(self, cents: int) -> None:
        self.cents = cents

    def __add__(self, other: "Money") -> "Money":
        return Money(self.cents + other.cents)

    __radd__ = __add__

    for unit in ("a", "b"):
        pass


def f(data: dict[str, int]) -> dict[str, int]:
    match Money(data["n"]):
        case Money(cents):
            return {"m": 2 * cents}
    return {"m": 0}
