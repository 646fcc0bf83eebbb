"""What must not stand in a text that is frozen and sent: secrets, orders, people.

Personal data are told by their form (addresses, telephone, card and account numbers); a name in a
sentence is not seen.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from collections.abc import Iterator
from typing import Final
from typing import NamedTuple

from pytest_compiledai.core.hidden import UNSEEN
from pytest_compiledai.core.personal import is_account
from pytest_compiledai.core.personal import is_card
from pytest_compiledai.core.suspicion import is_suspicious
from pytest_compiledai.llm.redact import Secrets

_MAIL: Final = re.compile(r"\b[\w.+-]{1,64}@(?P<host>[\w-]{1,63}(?:\.[\w-]{1,63}){1,5})\b")
#: RFC 2606 and 6761: addresses that belong to nobody.
_NOBODY: Final = re.compile(r"(?:^|\.)(?:example|test|invalid|localhost)(?:\.(?:com|net|org))?$")
_PHONE: Final = re.compile(r"(?<![\w+])(?:\+|00)[1-9]\d{0,2}(?:[ ./()-]{0,2}\d){7,12}(?!\w)")
_CARD: Final = re.compile(r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w.-])")
_IBAN: Final = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
_SSN: Final = re.compile(r"(?<![\w-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])")


class Seen(NamedTuple):
    """One thing that is wrong with a text."""

    rule: str  # secret, hidden, injection, personal
    where: str
    found: str


def scan(texts: Iterable[tuple[str, str]]) -> Iterator[Seen]:
    """Yield what is wrong with texts, each with the words that say where it stands."""
    secrets = Secrets.of(os.environ)
    for where, text in texts:
        for sighting in secrets.find(text):
            yield Seen("secret", where, f"a {sighting.kind}")
        if UNSEEN.search(text):
            yield Seen("hidden", where, "characters that are not seen")
        if is_suspicious(UNSEEN.sub("", text)):
            yield Seen("injection", where, "a text that overrides instructions")
        for what in _personal(text):
            yield Seen("personal", where, what)


def _personal(text: str) -> Iterator[str]:
    if any(not _NOBODY.search(found["host"].casefold()) for found in _MAIL.finditer(text)):
        yield "an e-mail address"
    if _PHONE.search(text):
        yield "a telephone number"
    if any(is_card(found[0]) for found in _CARD.finditer(text)):
        yield "a card number"
    if any(is_account(found[0]) for found in _IBAN.finditer(text)):
        yield "an account number"
    if _SSN.search(text):
        yield "a social security number"
