# compiledai module tokens@1
"""A request cut into words, numbers, quotations, lists, dates and marks."""

from __future__ import annotations

import re
from typing import NamedTuple

MONTHS = (
    "january february march april may june july august september october november december".split()
)
MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?"
    r"|Sep(?:t|tember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\.?"
)
FORMULA = (
    r"(?<![\w.])(?=-?[0-9.]{0,9}[xyztn](?:\^|\*\*| ?[-+] ?[0-9xyztn]))"
    r"[0-9xyztn.^*+-]{1,60}(?: [-+] [0-9xyztn.^*]{1,20}){0,9}(?<![.+*^-])(?![\w-])"
)
TOKEN = re.compile(
    r"(?:(?P<plain>\b[a-z]{1,40}(?=[ ,?!;]|\Z))"  # most words, and read at once
    r"|(?P<stop>[,?!;.:](?= |\Z))"
    r"|(?P<count>(?<= )[0-9]{1,9}(?= (?!of\b|[ap]\.?m)[a-z]{2}))"
    r"|(?P<name>\b(?!Ja|F|Ma|Ap|Ju|Au|S|O|N|D)[A-Z][a-z]{1,40}(?=[ ,?!;]|\Z))"  # no month
    r"|(?P<quote>(?<!\w)'[^'\n]{1,200}'(?!\w)|\"[^\"\n]{1,200}\"|`[^`\n]{1,200}`"
    r"|\u201c[^\u201d\n]{1,200}\u201d|\u2018[^\u2019\n]{1,200}\u2019(?!\w))"
    rf"|(?P<formula>{FORMULA})"
    r"|(?P<list>\[[^\[\]\n]{0,400}\])"
    rf"|(?P<date>\b{MONTH} [0-9]{{1,2}}(?:st|nd|rd|th)?,? [0-9]{{4}}(?!\w)"
    rf"|\b[0-9]{{1,2}}(?:st|nd|rd|th)? (?:of )?{MONTH},? [0-9]{{4}}(?!\w)|"
    r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}(?!\w)|\b[0-9]{4}/[0-9]{1,2}/[0-9]{1,2}(?!\w)|\b[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}(?!\w))"
    r"|(?P<clock>\b[0-9]{1,2}(?::[0-9]{2})? ?[AaPp]\.?[Mm](?!\w)\.?|\b[0-9]{1,2}:[0-9]{2}(?!\w))"
    r"|(?P<id>\bhttps?://[^\s'\"<>]{1,200}|\b[\w.+-]{1,60}@[\w.-]{1,60}\w"
    r"|\b[A-Za-z]{1,10}[-_/]?[0-9][\w/-]{0,40}|\b[0-9]{1,20}[/-][A-Z]{1,10}[\w/-]{0,40}"
    r"|\b[0-9]{1,20}[A-Z]{2,10}[0-9][\w/-]{0,40}|\b\w{1,40}_\w{1,40}|\b[0-9]{1,6}/[0-9]{1,6}\b)"
    r"|(?P<number>(?:(?<![\w)])[-\u2212])?[$\u20ac\u00a3\u20b9\u00a5]?"
    r"(?:[0-9]{1,3}(?:,[0-9]{3}){1,6}(?![0-9])|[0-9]{1,30})"
    r"(?:\.[0-9]{1,30})?(?:[eE][-+]?[0-9]{1,3}(?!\w))?)"
    r"|(?P<word>[^\W\d_]\.(?:[^\W\d_]\.){1,6}|[^\W\d_]{1,60}(?:['\u2019.^/-][\w]{1,30}){0,6})"
    r"|(?P<mark>[^\w\s]|[\w])) ?"
)
NUMBER_WORDS = {
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "eleven": 11,
    "twelve": 12,
    "fifteen": 15,
    "twenty": 20,
    "thirty": 30,
    "fifty": 50,
}
SIMPLE = {"name": "word", "stop": "mark", "count": "number"}
SCALES = {"k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6, "b": 1e9, "billion": 1e9}


PREFIX = 6  # letters by which words are taken for forms of one another


class Token(NamedTuple):
    """A piece of a request: text[start:end], a quotation without its marks."""

    kind: str
    text: str
    low: str
    stem: str  # what it shares with its other forms: its beginning
    start: int
    end: int


def tokens(text: str) -> list[Token]:
    """Return the pieces of a request, in order."""
    found: list[Token] = []
    for match in TOKEN.finditer(text):
        kind = match.lastgroup or "mark"
        start, end = match.span(kind)
        piece = low = text[start:end]
        if kind == "plain":
            kind = "count" if low in NUMBER_WORDS else "word"
        elif kind in SIMPLE:
            low = piece.lower() if kind == "name" else piece
            kind = "count" if low in NUMBER_WORDS else SIMPLE[kind]
        else:
            kind, piece, low = told_apart(kind, piece)
        found.append(Token(kind, piece, low, low[:PREFIX], start, end))
    return found


def told_apart(kind: str, piece: str) -> tuple[str, str, str]:
    """Return the kind of a piece, the piece without marks around it, and it in lower case."""
    if kind == "quote":
        piece = piece[1:-1].strip()
    low = piece.lower()
    if kind == "word" and low in NUMBER_WORDS:
        kind = "count"
    elif kind == "word" and low.endswith(("'s", "\u2019s")):
        piece, low = piece[:-2], low[:-2]
    return kind, piece, low


def number_of(text: str) -> float | None:
    """Return the number that a piece says, None where it is none."""
    if len(text) <= 30 and text.isdecimal():
        return int(text)
    low = text.lower()
    if low in NUMBER_WORDS:
        return NUMBER_WORDS[low]
    plain = low.replace("\u2212", "-").replace(",", "")
    for sign in "$\u20ac\u00a3\u20b9\u00a5":
        plain = plain.replace(sign, "")
    try:
        value = int(plain) if plain.lstrip("-").isdigit() else float(plain)
    except ValueError:
        return None
    return value if abs(value) < 1e300 else None
