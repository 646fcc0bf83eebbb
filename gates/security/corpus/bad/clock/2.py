from datetime import date


def year(data: str) -> int:
    return date.today().year
