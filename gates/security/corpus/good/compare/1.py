import hashlib
import hmac


def is_ours(data: str, key: bytes, signature: str) -> bool:
    return hmac.compare_digest(hmac.digest(key, data.encode(), "sha256"), signature)
