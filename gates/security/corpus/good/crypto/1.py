import hashlib


def mark(data: str) -> str:
    return hashlib.sha256(data.encode()).hexdigest()
