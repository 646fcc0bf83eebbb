KNOWN = "refund"


def is_known(data: str) -> bool:
    return data is KNOWN
