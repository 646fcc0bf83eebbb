_LINE = "{day}: {amount:>8.2f}"


def line(day: str, amount: float) -> str:
    return _LINE.format(day=day, amount=amount) + f" ({amount!r})"
