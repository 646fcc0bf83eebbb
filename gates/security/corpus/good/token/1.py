import hashlib
import hmac


def user(data: str, key: bytes, tag: bytes) -> str:
    wanted = hmac.digest(key, data.encode(), "sha256")
    if not hmac.compare_digest(wanted, tag):
        raise ValueError("not ours")
    return data
