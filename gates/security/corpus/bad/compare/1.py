import hashlib
import hmac


def is_ours(data: str, key: bytes, signature: str) -> bool:
    return hmac.new(key, data.encode(), hashlib.sha256).hexdigest() == signature
