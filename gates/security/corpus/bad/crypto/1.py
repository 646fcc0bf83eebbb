# capabilities: module:hashlib
import hashlib


def mark(data: str) -> str:
    return hashlib.sha1(data.encode()).hexdigest()
