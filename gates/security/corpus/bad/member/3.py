from decimal import getcontext


def precise(data: int) -> int:
    getcontext().prec = data
    return data
