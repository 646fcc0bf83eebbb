import hashlib


def is_long(data: str, password: str) -> bool:
    return len(password) >= 12 and bool(hashlib.sha256(data.encode()).digest())
