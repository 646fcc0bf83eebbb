class Account:
    def __init__(self, cents: int) -> None:
        self._cents = cents

    def more_than(self, other: "Account") -> bool:
        return self._cents > other._cents


def compare(data: int) -> bool:
    return Account(data).more_than(Account(3))
