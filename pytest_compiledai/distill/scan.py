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

from pytest_compiledai.core.suspicion import is_suspicious
from pytest_compiledai.llm.redact import Secrets

#: Characters a reviewer does not see: controls but for line ends and tabs, and zero widths.
_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]"
)
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
        if _UNSEEN.search(text):
            yield Seen("hidden", where, "characters that are not seen")
        if is_suspicious(_UNSEEN.sub("", text)):
            yield Seen("injection", where, "a text that overrides instructions")
        for what in _personal(text):
            yield Seen("personal", where, what)


def _personal(text: str) -> Iterator[str]:
    if any(not _NOBODY.search(found["host"].casefold()) for found in _MAIL.finditer(text)):
        yield "an e-mail address"
    if _PHONE.search(text):
        yield "a telephone number"
    if any(_is_card(found[0]) for found in _CARD.finditer(text)):
        yield "a card number"
    if any(_is_iban(found[0]) for found in _IBAN.finditer(text)):
        yield "an account number"
    if _SSN.search(text):
        yield "a social security number"


def _is_card(text: str) -> bool:
    """Return whether the digits keep Luhn's sum (ISO/IEC 7812-1)."""
    digits = [int(char) for char in text if char.isdigit()]
    doubled = [2 * digit - 9 * (digit > 4) for digit in digits[-2::-2]]  # noqa: PLR2004 - the carry
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0 and len(set(digits)) > 1


def _is_iban(text: str) -> bool:
    """Return whether the number leaves 1 by 97 (ISO 13616)."""
    plain = text.replace(" ", "")
    return int("".join(str(int(char, 36)) for char in plain[4:] + plain[:4])) % 97 == 1
