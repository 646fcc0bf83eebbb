def write(data: str, *, archive: object) -> None:
    archive.extractall(data)
