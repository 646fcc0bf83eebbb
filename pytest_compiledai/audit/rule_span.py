"""The pilot for copied values: where in the input a short rule finds them.

A rule is a field of the input, or what stands behind the same words, or before them, or has the
same shape. Values are compared without case, spacing and punctuation, numbers and dates as such.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Final
from typing import NamedTuple

from pytest_compiledai.audit.example import Example
from pytest_compiledai.audit.example import as_number
from pytest_compiledai.audit.example import fold
from pytest_compiledai.audit.value import Leaf
from pytest_compiledai.audit.value import scalars

_LEARN: Final = 60  # rows that rules are taken from
_TRY: Final = 80  # rows that rules are tried on
_RULES: Final = 16  # rules that are tried
_LIST: Final = 3  # rules of a list: the first that finds something answers
_GAIN: Final = 0.01  # of rows that a further rule of a list must add

#: Spaces that a rule passes over: bounded, for two such repeats beside a third try every split.
_GAP: Final = r"\s{0,8}"
_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_MONTHS: Final = [
    "jan",
    "feb",
    "mar",
    "apr",
    "may",
    "jun",
    "jul",
    "aug",
    "sep",
    "oct",
    "nov",
    "dec",
]
_SHAPED = re.compile(r"[A-Za-z]+|\d+|[^A-Za-z\d]")
_PLAIN: Final = (r"([^\n]+)", r"[\"'“(]?([^\s,;\"'”)]+?)[.,;:!?)\"'”]*(?=\s|\Z)")


class Finder(NamedTuple):
    """A way to a value: a field of the input, or an expression over its text."""

    field: str = ""
    pattern: str = ""
    last: bool = False  # the last match instead of the first

    def find(self, example: Example) -> Leaf:
        """Return the value; None where there is none."""
        if self.field:
            return example.fields.get(self.field)
        if not self.last:
            match = _compiled(self.pattern).search(example.text)
            return match.group(1) if match else None
        found = _compiled(self.pattern).findall(example.text)
        return found[-1] if found else None


def alike(one: Leaf, other: Leaf) -> bool:
    """Return whether two leaves say the same, however it is written."""
    if isinstance(one, tuple) or isinstance(other, tuple):
        mine, theirs = scalars(one), scalars(other)
        return len(mine) == len(theirs) and all(map(alike, mine, theirs))
    if isinstance(one, bool) or isinstance(other, bool) or one is None or other is None:
        return one is other or str(one).lower() == str(other).lower()
    if isinstance(one, int | float) or isinstance(other, int | float):
        left, right = as_number(one), as_number(other)
        return left is not None and right is not None and abs(left - right) <= 1e-9 * abs(left)
    return one == other or fold(one) == fold(other) or _same_day(one, other)


def copied(leaf: Leaf, example: Example) -> bool:
    """Return whether each scalar of a leaf stands in the input, however it is written."""
    return all(_stands(value, example) for value in scalars(leaf))


def find_rules(examples: Sequence[Example], targets: Sequence[Leaf]) -> tuple[Finder, ...]:
    """Return the list of rules that finds most targets; empty where none finds any."""
    tried = list(zip(examples, targets, strict=True))[:_TRY]
    counts: Counter[Finder] = Counter()
    for example, target in tried[:_LEARN]:
        if target is not None and not isinstance(target, tuple):
            counts.update(set(_candidates(example, target)))
    ranked = sorted(counts, key=lambda rule: (-counts[rule], rule))[:_RULES]
    hits = {rule: [_hit(rule, *pair) for pair in tried] for rule in ranked}
    chosen: list[Finder] = []
    settled = [False] * len(tried)  # rows in which a chosen rule finds something
    while ranked and len(chosen) < _LIST:
        gains = {
            rule: sum(
                hit is True for hit, done in zip(hits[rule], settled, strict=True) if not done
            )
            - sum(hit is False for hit, done in zip(hits[rule], settled, strict=True) if not done)
            for rule in ranked
        }
        rule = max(ranked, key=lambda each: gains[each])
        if gains[rule] <= _GAIN * len(tried):
            break
        chosen.append(rule)
        settled = [done or hit is not None for hit, done in zip(hits[rule], settled, strict=True)]
    return tuple(chosen)


def found_by(rules: Sequence[Finder], example: Example) -> Leaf:
    """Return what the first rule that finds something finds; None where none does."""
    return next((value for rule in rules if (value := rule.find(example)) is not None), None)


def _hit(rule: Finder, example: Example, target: Leaf) -> bool | None:
    """Return whether a rule finds the target; None where it finds nothing."""
    value = rule.find(example)
    return None if value is None else alike(value, target)


def _candidates(example: Example, target: Leaf) -> list[Finder]:
    found = [Finder(field=name) for name, leaf in example.fields.items() if alike(leaf, target)]
    if example.data is not None:
        return found
    written = _written(example.text, target)
    if written is None:
        return found
    start, end = written
    before, value = example.text[:start], example.text[start:end]
    shapes = [*_PLAIN, f"({_shape(value)})"]
    for anchor in _anchors(before):
        found += [Finder(pattern=f"{anchor}{shape}") for shape in shapes]
        if stop := _stop(example.text[end:]):
            found.append(Finder(pattern=f"{anchor}(.{{1,200}}?){stop}"))
    if not value.isalpha():
        bare = rf"(?<!\w)({_shape(value)})(?!\w)"
        found += [Finder(pattern=bare), Finder(pattern=bare, last=True)]
    return found


def _anchors(before: str) -> list[str]:
    """Return expressions for the one and the two words before a place, or for the beginning."""
    words = re.findall(r"\w+|[^\w\s]", before[-120:])
    if not words:
        return [rf"\A{_GAP}"]
    found = []
    for count in (1, 2, 3):
        if len(words) >= count:
            parts = [re.escape(word) for word in words[-count:]]
            lead = r"(?<!\w)" if words[-count][0].isalnum() else ""
            words_apart = _GAP.join(parts)
            found.append(rf"(?i:{lead}{words_apart}){_GAP}")
    if before.rstrip(" \t").endswith("\n"):
        found.append(rf"\A(?:[^\n]*\n){{{before.count(chr(10))}}}{_GAP}")
    return found


def _stop(after: str) -> str:
    match = re.match(r"\s*(\w+|[^\w\s])", after)
    if match is None:
        return rf"{_GAP}\Z"
    word = match.group(1)
    return rf"{_GAP}(?i:{re.escape(word)})" + (r"(?!\w)" if word[-1].isalnum() else "")


def _shape(value: str) -> str:
    """Return an expression for texts built like ``value``: letters, digits, the rest as it is."""
    pieces = []
    for piece in _SHAPED.findall(value[:80]):
        if piece.isdigit():
            pieces.append(rf"\d{{{len(piece)}}}" if len(piece) > 3 else r"\d+")  # noqa: PLR2004
        elif piece.isalpha() and piece.isascii():
            pieces.append("[A-Z]+" if piece.isupper() else "[A-Za-z]+")
        else:
            pieces.append(re.escape(piece))
    return "".join(pieces)


def _written(text: str, target: Leaf) -> tuple[int, int] | None:
    """Return where a scalar stands in a text, first; None where it does not stand as written."""
    if isinstance(target, bool) or target is None or isinstance(target, tuple):
        return None
    if isinstance(target, int | float):
        for match in re.finditer(r"-?\d[\d,]*(?:\.\d+)?", text):
            if float(match.group().replace(",", "")) == target:
                return match.span()
        return None
    return _text_at(text, target) if target.strip() else None


def _text_at(text: str, target: str) -> tuple[int, int] | None:
    start = text.lower().find(target.lower())
    if start >= 0 and len(text) == len(text.lower()):
        return start, start + len(target)
    if _DATE.fullmatch(target):
        for match in re.finditer(r"[\w./-]+(?: [\w.]+,? \d{4})?", text):
            if _same_day(match.group(), target):
                return match.span()
    return None


def _stands(value: Leaf, example: Example) -> bool:
    if value is None or isinstance(value, bool | tuple):
        return False
    if isinstance(value, int | float):
        return as_number(value) in _numbers(example.text)
    folded = fold(value)
    if folded and f" {folded} " in example.folded:
        return True
    return bool(_DATE.fullmatch(value)) and _day_stands(value, example.folded)


@lru_cache(maxsize=4096)
def _numbers(text: str) -> frozenset[float]:
    return frozenset(
        float(each.replace(",", "")) for each in re.findall(r"\d[\d,]*(?:\.\d+)?", text)
    )


def _same_day(one: str, other: str) -> bool:
    """Return whether one text is a date such as 2024-03-12, and the other names that day."""
    if len(one) > 40 or len(other) > 40:  # noqa: PLR2004 - no date
        return False
    if _DATE.fullmatch(one):
        return _day_stands(one, f" {fold(other.replace('-', ' '))} ")
    return bool(_DATE.fullmatch(other)) and _day_stands(other, f" {fold(one.replace('-', ' '))} ")


def _day_stands(date: str, folded: str) -> bool:
    year, month, day = (int(part) for part in date.split("-"))
    words = set(folded.replace("-", " ").split())
    days = {str(day), f"{day:02d}", f"{day}st", f"{day}nd", f"{day}rd", f"{day}th"}
    name = _MONTHS[month - 1] if 1 <= month <= 12 else "?"  # noqa: PLR2004
    months = (
        str(month) in words or f"{month:02d}" in words or any(w.startswith(name) for w in words)
    )
    return str(year) in words and bool(days & words) and months


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.DOTALL if "{1,200}" in pattern else 0)
