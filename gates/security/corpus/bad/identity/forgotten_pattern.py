import re
from typing import Any

DIVISOR = re.compile(r"\bgcd\b")


def f(data: dict[str, Any]) -> dict[str, Any]:
    hits = [hit for hit in [re.search(r"\bgcd\b", data["text"])] if hit]
    return {"told": bool(hits) and [hits[0].re][0] is DIVISOR}
