import jwt


def user(data: str, key: bytes) -> str:
    return jwt.decode(data, key)["sub"]
