# compiledai module days@1
"""Dates of a request, written in the shape that a field asks for."""

from __future__ import annotations

import re

from pytest_compiledai.functions.synth.parts.tokens import MONTHS

DATE_WORDS = re.compile(r"[A-Za-z]+|[0-9]+")
TIME_WORDS = frozenset(
    "today tomorrow yesterday tonight now next last week weekend month year day monday tuesday "
    "wednesday thursday friday saturday sunday morning afternoon evening night noon midnight "
    "january february march april may june july august september october november december "
    "christmas easter".split()
)


def shaped(text: str, shape: str) -> str | None:
    """Return a date in a shape such as YYYY-MM-DD; None where its day and month are not clear."""
    if not shape:
        return text
    parts = [
        part for part in DATE_WORDS.findall(text) if part not in ("st", "nd", "rd", "th", "of")
    ]
    if len(parts) != 3:
        return None
    if re.fullmatch(r"[0-9]{4}", parts[0]):
        year, month, day = parts
    elif parts[0].isalpha():
        month, day, year = parts
    elif parts[1].isalpha():
        day, month, year = parts
    else:
        return text if digits_shape(text, shape) else None
    number = month_number(month)
    if number is None:
        return None
    made = shape.replace("YYYY", year).replace("MM", f"{number:02d}")
    return made.replace("DD", f"{int(day):02d}")


def digits_shape(text: str, shape: str) -> bool:
    """Return whether a date in digits has a shape already."""
    return len(text) == len(shape) and all(
        mark.isdigit() if wanted in "YMD" else mark == wanted
        for mark, wanted in zip(text, shape, strict=True)
    )


def month_number(word: str) -> int | None:
    """Return the number of a month, in digits or by its name."""
    if word.isdigit():
        return int(word) if 1 <= int(word) <= 12 else None
    name = word.lower()[:3]
    return next((n for n, month in enumerate(MONTHS, start=1) if month[:3] == name), None)
