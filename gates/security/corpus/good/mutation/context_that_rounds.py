import decimal

CENTS = decimal.Context(prec=20, rounding=decimal.ROUND_HALF_UP)


def f(data: dict[str, int]) -> dict[str, int]:
    part = CENTS.divide(decimal.Decimal(data["n"]), decimal.Decimal(7))
    whole = part.quantize(decimal.Decimal(1), context=CENTS)
    return {"m": int(whole) + len(f"{part}")}
