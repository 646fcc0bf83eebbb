import hashlib


def key(data: str) -> str:
    return hashlib.md5(data.encode()).hexdigest()
