import string


def page(data: str) -> str:
    return string.Template(data).substitute(name="x")
