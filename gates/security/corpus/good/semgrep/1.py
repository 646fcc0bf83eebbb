def write(data: str, *, archive: object) -> None:
    archive.extract("report.txt", "out")
