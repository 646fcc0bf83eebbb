import posixpath


def upload(data: str) -> str:
    return "/srv/uploads/" + posixpath.basename(data)


def ratio(data: str) -> str:
    return "1/" + data
