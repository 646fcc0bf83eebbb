import re


def is_mail(data: str) -> bool:
    return re.fullmatch(r"([a-zA-Z0-9]+)*@example", data) is not None
