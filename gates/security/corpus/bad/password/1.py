import hashlib


def kept(data: str, password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()
