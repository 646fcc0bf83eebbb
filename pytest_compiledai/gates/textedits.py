"""Edits of a text: numbers, dates, names, case, white space, punctuation, order."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from random import Random
from typing import Final

_NUMBER: Final = re.compile(r"[0-9]+")
_DATE: Final = re.compile(r"\b([0-9]{4})-([0-9]{2})-([0-9]{2})\b")
_CAPITALISED: Final = re.compile(r"\b[A-Z][a-z]{2,}\b")
_WORD: Final = re.compile(r"\w+")
_MARK: Final = re.compile(r"[.,;:!?]")
_PIECES: Final = re.compile(r"(?<=[.!?;,])\s+")
#: Names of people, places and firms, some with letters beyond ASCII.
_NAMES: Final = (
    "Alice", "Bo", "Chen", "Dvořák", "Eriksen", "Fatima", "Gonçalves", "Hinako", "Ivanov",
    "Jensen", "Kowalski", "Lisbon", "Müller", "Nairobi", "O'Brien", "Osaka", "Quinn", "Rossi",
    "Siobhán", "Toronto", "Umeå", "Vargas", "Wright", "Zürich",
)  # fmt: skip
_DAYS: Final = 400  # a date moves by at most this many days
_SPACES: Final = ("  ", "\t", "\n", " \u00a0")


def edit_text(text: str, random: Random) -> str:
    """Return ``text`` after one edit that applies to it; ``text`` itself where none does."""
    kinds = list(_KINDS)
    random.shuffle(kinds)
    for kind in kinds:
        changed = kind(text, random)
        if changed != text:
            return changed
    return text


def _swap(text: str, pattern: re.Pattern[str], random: Random, make: Callable[[str], str]) -> str:
    """Replace one match of ``pattern``."""
    matches = list(pattern.finditer(text))
    if not matches:
        return text
    match = random.choice(matches)
    return text[: match.start()] + make(match.group()) + text[match.end() :]


def _number(text: str, random: Random) -> str:
    def other(digits: str) -> str:
        if random.random() < 0.25:  # noqa: PLR2004 - one number in four grows
            return digits + str(random.randrange(10))
        first = str(random.randint(1, 9))
        return first + "".join(str(random.randrange(10)) for _ in digits[1:])

    return text if _DATE.fullmatch(text) else _swap(text, _NUMBER, random, other)


def _date(text: str, random: Random) -> str:
    def other(date: str) -> str:
        try:
            day = dt.date.fromisoformat(date) + dt.timedelta(random.randint(-_DAYS, _DAYS))
        except (ValueError, OverflowError):
            return date
        return day.isoformat()

    return _swap(text, _DATE, random, other)


def _name(text: str, random: Random) -> str:
    return _swap(text, _CAPITALISED, random, lambda _: random.choice(_NAMES))


def _case(text: str, random: Random) -> str:
    change = random.choice((str.upper, str.lower, str.title, str.swapcase))
    if random.random() < 0.5:  # noqa: PLR2004 - the whole text, or one word of it
        return change(text)
    return _swap(text, _WORD, random, change)


def _space(text: str, random: Random) -> str:
    kind = random.randrange(4)
    if kind == 0:
        return f" {text}"
    if kind == 1:
        return f"{text}\n"
    spaces = [match.start() for match in re.finditer(r" ", text)]
    if not spaces:
        return f"{text} "
    at = random.choice(spaces)
    return text[:at] + random.choice(_SPACES) + text[at + 1 :]


def _punctuation(text: str, random: Random) -> str:
    if random.random() < 0.5:  # noqa: PLR2004 - take one away, or add one
        return _swap(text, _MARK, random, lambda _: "")
    if not text:
        return text
    return _swap(text, _WORD, random, lambda word: word + random.choice(".,;:!?-"))


def _order(text: str, random: Random) -> str:
    """Return the lines, else the sentences, in another order."""
    for pieces, between in ((text.split("\n"), "\n"), (_PIECES.split(text), " ")):
        if len(pieces) > 1:
            random.shuffle(pieces)
            return between.join(pieces)
    return text


_KINDS: Final = (_number, _date, _name, _case, _space, _punctuation, _order)
