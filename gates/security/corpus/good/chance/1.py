# capabilities: module:secrets
import secrets


def new_token(data: str) -> str:
    return data + secrets.token_urlsafe(32)
