KNOWN = "refund"
MISSING = object()


def is_known(data: dict[str, object]) -> bool:
    found = data.get("kind", MISSING)
    return found is not MISSING and found == KNOWN
