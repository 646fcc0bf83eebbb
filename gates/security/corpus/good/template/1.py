import string

_PAGE = string.Template("Hello $name")


def page(data: str) -> str:
    return _PAGE.substitute(name=data)
