import re
from typing import Any

DIVISOR = re.compile(r"\b(?:gcd|greatest common divisor)\b", re.IGNORECASE)
ROOT = re.compile(r"\bsquare root\b", re.IGNORECASE)


def f(data: dict[str, Any]) -> dict[str, Any]:
    text = data["text"]
    asked = [pattern for pattern in (DIVISOR, ROOT) if pattern.search(text)]
    hits = [*DIVISOR.finditer(text), *ROOT.finditer(text)]
    if len(asked) != 1:
        raise Abstain("not exactly one of the functions is asked for")
    return {"root": asked[0] is ROOT, "first": hits[0].re is ROOT}
