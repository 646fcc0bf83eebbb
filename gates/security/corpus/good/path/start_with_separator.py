# capabilities: module:pathlib
from pathlib import Path


def route(data: str) -> int:
    found = (Path("/srv/data") / data).resolve()
    if not str(found).startswith("/srv/data/"):
        raise Abstain("outside")
    return len(found.read_text(encoding="utf-8"))
