# compiledai module documents@1
"""Typed pieces of a document's lines, ranked by learned weights of what stands around them."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

MONTH_FORMS = (
    "jan|feb fev fév|mar mär maa mrt|apr avr abr|may mai mei|jun jui|jul|aug aou aoû|sep"
    "|oct okt out|nov|dec dez déc"
)
MONTH_NAMES = {
    name: number
    for number, names in enumerate(MONTH_FORMS.split("|"), start=1)
    for name in names.split()
}
FIRST_YEAR, LAST_YEAR = 1990, 2049
NUMBERED = re.compile(r"(?<!\d)(\d\d?) ?[/.\-] ?(\d\d?) ?[/.\-] ?((?:19|20)\d\d|\d\d(?!\d))")
YEAR_FIRST = re.compile(r"(?<!\d)((?:19|20)\d\d)[/.\-]?(\d\d)[/.\-]?(\d\d)(?!\d)")
DAY_NAMED = re.compile(
    r"(?<!\d)(\d\d?)[a-z.]{0,3}[ \-/.,]{0,2}([A-Za-zäéû]{3,9})[ \-/.,']{0,3}((?:19|20)\d\d|\d\d)"
)
NAME_FIRST = re.compile(
    r"([A-Za-zäéû]{3,9})[ .]{0,2}(\d\d?)(?:st|nd|rd|th)?,? {0,2}((?:19|20)\d\d)"
)
AMOUNT = re.compile(
    r"(?<![\d.,])(\d{1,3}(?:[,. ]\d{3}){1,3}|\d{1,7}) ?[.,] ?(\d\d)(?![\d%]|[.,]\d)"
)
WORD = re.compile(r"[^\W\d_]{2,}|#")
PIECES = re.compile(r" {2,}|\t")
NUMBERS = re.compile(r" ?[(\[<][^()\[\]<>]{0,40}\d[^()\[\]<>]{0,40}[)\]>]?| \d{4,}-?\w?$")
CODE = re.compile(r"[^\s:;,]*\d[^\s:;,]*")
SHAPE_LETTERS = re.compile(r"[^\W\d_]+")
SHAPE_DIGITS = re.compile(r"\d+")
#: What stands at the end of a company's name; alone it is the end of the line before.
LEGAL_FORMS = frozenset("sdn bhd ltd inc llc gmbh plc pty llp corp co company limited".split())
HEAD = 8  # lines at the top that may hold a name
LONGEST = 100  # characters of a name
SHORTEST_CODE = 4  # characters


class Found(NamedTuple):
    """A piece of a document and where it stands."""

    value: str | float
    line: int
    start: int
    end: int
    marks: tuple[str, ...] = ()


def lines_of(text: str) -> list[str]:
    """Return the lines that are not empty, tabs as wide gaps."""
    return [line for line in text.replace("\t", "  ").split("\n") if line.strip()]


def dates_in(lines: Sequence[str], *, day_first: bool) -> list[Found]:
    """Return the dates of a document in order, as YYYY-MM-DD."""
    found: list[Found] = []
    for number, line in enumerate(lines):
        for pattern, form in (
            (NUMBERED, "numbered"),
            (YEAR_FIRST, "year"),
            (DAY_NAMED, "named"),
            (NAME_FIRST, "name"),
        ):
            for match in pattern.finditer(line):
                day = day_of(form, match.group(1), match.group(2), match.group(3), day_first)
                if day:
                    found.append(Found(day, number, match.start(), match.end(), (form,)))
    return sorted(found, key=lambda item: (item.line, item.start, item.end))


def day_of(form: str, first: str, second: str, third: str, day_first: bool) -> str:
    """Return the day that three pieces state, the other order where only that is a day."""
    if form == "numbered":
        one, other = (second, first) if day_first else (first, second)
        return made_day(third, one, other) or made_day(third, other, one)
    if form == "year":
        return made_day(first, second, third)
    name, day = (second, first) if form == "named" else (first, second)
    return made_day(third, str(MONTH_NAMES.get(name[:3].lower(), 0)), day)


def made_day(year: str, month: str, day: str) -> str:
    """Return a day as YYYY-MM-DD; empty where it is none."""
    complete = int(year) + (2000 if len(year) == 2 else 0)
    try:
        made = date(complete, int(month), int(day))
    except ValueError:
        return ""
    return made.isoformat() if FIRST_YEAR <= complete <= LAST_YEAR else ""


def amounts_in(lines: Sequence[str]) -> list[Found]:
    """Return the amounts of a document in order: numbers with two decimals."""
    found = [
        Found(
            float(f"{re.sub('[,. ]', '', match.group(1))}.{match.group(2)}"),
            number,
            match.start(),
            match.end(),
        )
        for number, line in enumerate(lines)
        for match in AMOUNT.finditer(line)
    ]
    counts = Counter(item.value for item in found)
    order = sorted({float(item.value) for item in found}, reverse=True)
    sums = {round(one - other, 2) for one in order[:12] for other in order if one > other}
    return [
        item._replace(
            marks=(
                f"size{min(order.index(float(item.value)), 5)}",
                f"times{min(counts[item.value], 5)}",
                "difference" if item.value in sums else "alone",
            )
        )
        for item in found
    ]


def names_in(lines: Sequence[str]) -> list[Found]:
    """Return what may be a name: pieces of the first lines, also two in a row."""
    rows = [
        (number, piece.strip())
        for number, line in enumerate(lines[:HEAD])
        for piece in PIECES.split(line.strip())[:3]
    ]
    bare = [NUMBERS.sub("", piece).strip(" ,:-") for _, piece in rows]
    found: list[Found] = []
    for place, (number, piece) in enumerate(rows):
        start = lines[number].index(piece)
        follower = bare[place + 1] if place + 1 < len(rows) else ""
        behind = bare[place + 2] if place + 2 < len(rows) else ""
        found.append(named(bare[place], number, start, "piece", follower))
        if bare[place] != piece:
            found.append(named(piece, number, start, "numbered", follower))
        label, colon, rest = bare[place].rpartition(": ")
        if colon and rest:
            at = start + max(piece.find(rest), 0)
            found.append(named(rest, number, at, f"after {words_of(label)[-1:]}", follower))
        if follower:
            found.append(named(f"{bare[place]} {follower}", number, start, "joined", behind))
    return [item for item in found if len(str(item.value)) <= LONGEST and may_be_name(item)]


def may_be_name(item: Found) -> bool:
    """Return whether a piece has letters, and more than the form of a company."""
    words = words_of(str(item.value))
    return bool(words) and not LEGAL_FORMS.issuperset(words)


def named(text: str, line: int, start: int, mark: str, follower: str) -> Found:
    """Return a name with marks of its form and of the word that follows it."""
    words = words_of(text)
    marks = [mark, f"{mark} line{line}", f"{mark} words{min(len(words), 7)}"]
    marks.append(f"{mark} then {(words_of(follower) or ['nothing'])[0]}")
    marks += [f"has {word}" for word in dict.fromkeys(words)]
    marks += [f"{mark} ends {words[-1]}", f"starts {words[0]}"] if words else ["empty"]
    marks.append("digits" if any(c.isdigit() for c in text) else "plain")
    marks.append("upper" if text.isupper() else "mixed")
    return Found(text, line, start, start + len(text), tuple(marks))


def codes_in(lines: Sequence[str]) -> list[Found]:
    """Return what may be a number of a document or of an account: words with digits."""
    return [
        Found(
            match.group(),
            number,
            match.start(),
            match.end(),
            (
                f"characters{min(len(match.group()), 20)}",
                "digits" if match.group().isdigit() else "mixed",
                f"shape {SHAPE_DIGITS.sub('0', SHAPE_LETTERS.sub('a', match.group()))[:12]}",
            ),
        )
        for number, line in enumerate(lines)
        for match in CODE.finditer(line)
        if SHORTEST_CODE <= len(match.group()) <= LONGEST
    ]


def features(item: Found, index: int, count: int, lines: Sequence[str]) -> list[str]:
    """Return what is true of a piece: its marks, its place, and the words around it."""
    line = lines[item.line]
    left, right = words_of(line[: item.start]), words_of(line[item.end :])
    above = words_of(lines[item.line - 1]) if item.line else ["^"]
    below = words_of(lines[item.line + 1]) if item.line + 1 < len(lines) else ["$"]
    label = " ".join(left[-2:]) or "none"
    made = [
        f"label {label}",
        f"under {' '.join(above[:2])}",
        f"line{min(item.line, HEAD)}",
        *item.marks,
    ]
    made += [f"from the end {min((len(lines) - 1 - item.line) // 3, 8)}"]
    made += [f"left {word}" for word in dict.fromkeys(left)]
    made += [f"right {word}" for word in dict.fromkeys(right)]
    made += [f"above {word}" for word in dict.fromkeys(above)]
    made += [f"below {word}" for word in dict.fromkeys(below)]
    made += [f"number {min(index, 5)}", f"from last {min(count - 1 - index, 5)}"]
    made += [f"{mark} beside {left[-1] if left else 'nothing'}" for mark in item.marks[:2]]
    return made


def words_of(text: str) -> list[str]:
    """Return the words of a text in lower case."""
    return [word.lower() for word in WORD.findall(text)]


def chances(
    items: Sequence[Found], lines: Sequence[str], weights: Mapping[str, int]
) -> dict[str | float, float]:
    """Return how likely each value is the one asked for, a share of one; weights are hundredths."""
    sums = [
        sum(weights.get(name, 0) for name in features(item, index, len(items), lines)) / 100
        for index, item in enumerate(items)
    ]
    most = max(sums, default=0.0)
    found: dict[str | float, float] = {}
    for item, score in zip(items, sums, strict=True):
        found[item.value] = found.get(item.value, 0.0) + math.exp(score - most)
    total = sum(found.values())
    return {value: share / total for value, share in found.items()}


def likeliest(
    items: Sequence[Found], lines: Sequence[str], weights: Mapping[str, int], least: float
) -> str | float | None:
    """Return the value that is most likely asked for; None where none is likely enough."""
    found = chances(items, lines, weights)
    best = max(found, key=lambda value: found[value], default=None)
    return best if best is not None and found[best] >= least else None


def date_of(
    lines: Sequence[str], weights: Mapping[str, int], least: float, *, day_first: bool
) -> str | None:
    """Return the date that is asked for; None where none is likely enough."""
    found = likeliest(dates_in(lines, day_first=day_first), lines, weights, least)
    return found if isinstance(found, str) else None


def amount_of(lines: Sequence[str], weights: Mapping[str, int], least: float) -> float | None:
    """Return the amount that is asked for; None where none is likely enough."""
    found = likeliest(amounts_in(lines), lines, weights, least)
    return found if isinstance(found, float) else None


def code_of(lines: Sequence[str], weights: Mapping[str, int], least: float) -> str | None:
    """Return the number of a document that is asked for; None where none is likely enough."""
    found = likeliest(codes_in(lines), lines, weights, least)
    return found if isinstance(found, str) else None


def name_of(lines: Sequence[str], weights: Mapping[str, int], least: float) -> str | None:
    """Return the name that is asked for; None where none is likely enough."""
    found = likeliest(names_in(lines), lines, weights, least)
    return found if isinstance(found, str) else None
