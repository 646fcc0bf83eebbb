# capabilities: module:hashlib
import hashlib


def stretch(data: bytes) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", data, b"every time the same", 600_000)
