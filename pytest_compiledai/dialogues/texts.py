"""What the security gate asks of a flow's texts: secrets, personal data, hidden characters."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any
from typing import Final

from pytest_compiledai.core.hidden import UNSEEN
from pytest_compiledai.core.personal import is_account
from pytest_compiledai.core.personal import is_card
from pytest_compiledai.llm.redact import Secrets

_PERSONAL: Final = (
    ("mail address", re.compile(r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}\b")),
    ("phone number", re.compile(r"(?<![\w.])\+\d{1,3}(?:[ ().-]?\d){7,12}(?!\d)")),
    ("social security number", re.compile(r"(?<!\d)\d{3}-\d{2}-\d{4}(?!\d)")),
)
#: Where an account number (ISO 13616) may begin, in any case and spacing; its sum decides.
_IBAN: Final = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[ .-]?[A-Za-z0-9]){11,40}")
_CARD: Final = re.compile(r"(?<!\d)\d(?:[ ./-]?\d){12,18}(?!\d)")


def remarks(value: Any) -> Iterator[tuple[str, str]]:
    """Yield (rule, message) for what the texts of a JSON value may not hold; quotes no secret."""
    secrets = Secrets.of(os.environ)
    for way, text in _texts(value, ""):
        for seen in secrets.find(text):
            yield "secret", f"{way}: found a {seen.kind}; expected no secret"
        if UNSEEN.search(text):
            yield "hidden", f"{way}: found characters that are not seen; expected plain text"
        for kind in personal(text):
            yield "personal", f"{way}: found what looks like a {kind}; expected an invented one"


def personal(text: str) -> Iterator[str]:
    """Yield the kinds of personal data that ``text`` seems to hold."""
    for kind, pattern in _PERSONAL:
        if pattern.search(text):
            yield kind
    if any(map(_begins_with_account, (match[0] for match in _IBAN.finditer(text)))):
        yield "bank account"
    if any(is_card(match[0]) for match in _CARD.finditer(text)):
        yield "payment card"


def _begins_with_account(text: str) -> bool:
    """Whether the first words are an account number; others may follow it."""
    ends = [match.end() for match in re.finditer(r"[A-Za-z0-9]+", text)]
    return any(is_account(text[:end]) for end in ends)


def _texts(value: Any, way: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield way, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield f"a key of {way or 'it'}", str(key)
            yield from _texts(inner, f"{way}.{key}".lstrip("."))
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _texts(inner, f"{way}[{index}]")
