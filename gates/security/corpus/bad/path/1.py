def upload(data: str) -> str:
    return "/srv/uploads/" + data
