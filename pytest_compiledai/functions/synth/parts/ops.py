# compiledai module ops@1
"""Small steps that learned programs are built of; each raises ``ValueError`` where it cannot."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

RUNS = {
    "word": re.compile(r"[^\W_]+"),
    "digits": re.compile(r"[0-9]+"),
    "letters": re.compile(r"[^\W\d_]+"),
    "upper": re.compile(r"[A-Z]+"),
    "spaced": re.compile(r"[^ \t\n]+"),
    "path": re.compile(r"[^/\\]+"),
    "listed": re.compile(r"[^,;|]+"),
    "lines": re.compile(r"[^\n]+"),
    "mail": re.compile(r"[^@]+"),
    "dotted": re.compile(r"[^.]+"),
    "dashed": re.compile(r"[^-]+"),
    "keyed": re.compile(r"[^:=]+"),
}


def whole(text: str) -> str:
    """Return a text without white space around it."""
    return text.strip()


def run(text: str, kind: str, index: int) -> str:
    """Return one run of characters of a kind, counted from either end."""
    found = RUNS[kind].findall(text)
    if not -len(found) <= index < len(found):
        raise ValueError("no such part")
    return str(found[index]).strip()


def between(text: str, left: str, right: str) -> str:
    """Return what stands between two marks, the first after the first."""
    _, mark, rest = text.partition(left)
    inside, closing, _ = rest.partition(right)
    if not mark or (right and not closing):
        raise ValueError("no such marks")
    return (inside if right else rest).strip()


def after(text: str, left: str) -> str:
    """Return what stands behind a mark."""
    _, mark, rest = text.partition(left)
    if not mark:
        raise ValueError("no such mark")
    return rest.strip()


def lower(text: str) -> str:
    """Return a text in lower case."""
    return text.lower()


def upper(text: str) -> str:
    """Return a text in upper case."""
    return text.upper()


def title(text: str) -> str:
    """Return a text whose words begin with capitals."""
    return " ".join(word[:1].upper() + word[1:].lower() for word in text.split())


def initial(text: str) -> str:
    """Return the first character."""
    if not text:
        raise ValueError("no character")
    return text[0]


def initials(text: str) -> str:
    """Return the first characters of the words, as capitals."""
    found = RUNS["letters"].findall(text)
    if not found:
        raise ValueError("no word")
    return "".join(word[0].upper() for word in found)


def slug(text: str) -> str:
    """Return the words in lower case with hyphens between."""
    return "-".join(word.lower() for word in RUNS["word"].findall(text))


def snake(text: str) -> str:
    """Return the words in lower case with underscores between."""
    return "_".join(word.lower() for word in RUNS["word"].findall(text))


def digits(text: str) -> str:
    """Return the digits of a text."""
    found = "".join(RUNS["digits"].findall(text))
    if not found:
        raise ValueError("no digit")
    return found


def padded(text: str, width: int) -> str:
    """Return a number in digits with zeros before it."""
    return text.zfill(width)


def shown(value: float) -> str:
    """Return a number as text, without a fraction of zero."""
    return str(int(value)) if value == int(value) else repr(value)


def decimals(value: float, places: int) -> str:
    """Return a number as text with a fixed number of decimals."""
    return f"{value:.{places}f}"


def dated(text: str, order: str, form: str) -> str:
    """Return a date in another form; ``order`` says what its three numbers are, as in ymd."""
    found = RUNS["digits"].findall(text)
    if len(found) != 3:
        raise ValueError("no date")
    parts = {mark: int(number) for mark, number in zip(order, found, strict=True)}
    day = date(parts["y"], parts["m"], parts["d"])
    made = form.replace("YYYY", f"{day.year:04d}").replace("MM", f"{day.month:02d}")
    return made.replace("DD", f"{day.day:02d}")


def joined(items: Sequence[str], mark: str) -> str:
    """Return texts with a mark between."""
    return mark.join(items)


def as_whole(text: str) -> int:
    """Return the whole number that a text says."""
    return int(text.replace(",", ""))


def as_decimal(text: str) -> float:
    """Return the number that a text says."""
    value = float(text.replace(",", ""))
    if abs(value) > 1e300:
        raise ValueError("no number")
    return value


def ratio(left: float, right: float) -> float:
    """Return one number over another."""
    if right == 0:
        raise ValueError("over zero")
    return left / right


def rounded(value: float, places: int) -> float:
    """Return a number rounded to places."""
    return round(value, places)


def nearest(value: float) -> int:
    """Return the whole number that a number is, or is nearest to."""
    return round(value)


def words_in(text: str) -> frozenset[str]:
    """Return the words of a text, in lower case."""
    return frozenset(word.lower() for word in RUNS["word"].findall(text))
