"""Secrets and personal data in texts that weights are made from: what is learned can come out."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from collections.abc import Iterator
from typing import Final
from typing import NamedTuple

from pytest_compiledai.core.suspicion import is_suspicious
from pytest_compiledai.llm.redact import Secrets

_EMAIL: Final = re.compile(r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{2,63}){1,4}\b")
_IBAN: Final = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b")
_CARD: Final = re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)")
_PHONE: Final = re.compile(r"(?<![\w+])\+\d{1,3}[ .-]?(?:\(?\d{1,4}\)?[ .-]?){2,5}\d{2,4}(?!\d)")
_SOCIAL: Final = re.compile(r"(?<!\d)\d{3}-\d{2}-\d{4}(?!\d)")
#: Domains that are reserved for examples (RFC 2606): nobody's address.
_RESERVED: Final = (".example", "example.com", "example.org", "example.net", ".invalid", ".test")


class Remark(NamedTuple):
    """One thing that may not be in a text, told without the thing itself."""

    rule: str
    kind: str
    text: str  # the start of the text around it, escaped


def remarks(texts: Iterable[str]) -> Iterator[Remark]:
    """Yield what may not be learned: secrets, personal data, texts that give orders."""
    secrets = Secrets.of(os.environ)
    for text in texts:
        for seen in secrets.find(text):
            yield Remark("secret", seen.kind, "")
        for kind in _personal(text):
            yield Remark("personal", kind, "")
        if is_suspicious(text):
            yield Remark("injection", "a text that looks like an order", ascii(text[:60]))


def _personal(text: str) -> Iterator[str]:
    if any(not match[0].lower().endswith(_RESERVED) for match in _EMAIL.finditer(text)):
        yield "an e-mail address"
    if any(_is_iban(match[0]) for match in _IBAN.finditer(text)):
        yield "a bank account number"
    if any(_is_card(match[0]) for match in _CARD.finditer(text)):
        yield "a card number"
    if _PHONE.search(text):
        yield "a phone number"
    if _SOCIAL.search(text):
        yield "a social security number"


def _is_card(text: str) -> bool:
    """Return whether the digits pass the check of ISO/IEC 7812 (Luhn)."""
    digits = [int(character) for character in text if character.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return len(set(digits)) > 1 and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _is_iban(text: str) -> bool:
    """Return whether the number passes the check of ISO 13616 (modulo 97)."""
    plain = text.replace(" ", "")
    return int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1
