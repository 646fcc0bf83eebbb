ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
LABELS = {"password": "password", "token": "one-time code"}


def label(data: str) -> str:
    return LABELS.get(data, ALPHABET[:3])
