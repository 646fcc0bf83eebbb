"""What the security gate asks of a flow's texts: secrets, personal data, hidden characters."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any
from typing import Final

from pytest_compiledai.llm.redact import Secrets

_PERSONAL: Final = (
    ("mail address", re.compile(r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}\b")),
    ("phone number", re.compile(r"(?<![\w.])\+\d{1,3}(?:[ ().-]?\d){7,12}(?!\d)")),
    ("bank account", re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b")),
    ("social security number", re.compile(r"(?<!\d)\d{3}-\d{2}-\d{4}(?!\d)")),
)
_CARD: Final = re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)")
#: Characters a reviewer does not see.
_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
)


def remarks(value: Any) -> Iterator[tuple[str, str]]:
    """Yield (rule, message) for what the texts of a JSON value may not hold; quotes no secret."""
    secrets = Secrets.of(os.environ)
    for way, text in _texts(value, ""):
        for seen in secrets.find(text):
            yield "secret", f"{way}: found a {seen.kind}; expected no secret"
        if _UNSEEN.search(text):
            yield "hidden", f"{way}: found characters that are not seen; expected plain text"
        for kind in personal(text):
            yield "personal", f"{way}: found what looks like a {kind}; expected an invented one"


def personal(text: str) -> Iterator[str]:
    """Yield the kinds of personal data that ``text`` seems to hold."""
    for kind, pattern in _PERSONAL:
        if pattern.search(text):
            yield kind
    if any(_is_card(match[0]) for match in _CARD.finditer(text)):
        yield "payment card"


def _is_card(text: str) -> bool:
    """Whether the digits pass the check of H. P. Luhn (US patent 2,950,048)."""
    digits = [int(sign) for sign in text if sign.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _texts(value: Any, way: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield way, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(inner, f"{way}.{key}".lstrip("."))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _texts(inner, f"{way}[{index}]")
