"""Sampled rows as examples: the part of the prompt that varies, its fields, and the answer."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from typing import Final
from typing import NamedTuple

from pytest_compiledai.audit.call import number_of
from pytest_compiledai.audit.call import squeezed
from pytest_compiledai.audit.site import Row
from pytest_compiledai.audit.value import Leaf
from pytest_compiledai.audit.value import leaves
from pytest_compiledai.audit.value import read_value
from pytest_compiledai.core.split import Shares
from pytest_compiledai.core.split import Split

_AGREE: Final = 0.95  # share of rows that have a word, for it to be the template's
_JSON_SHARE: Final = 0.95  # share of inputs that hold an object, for it to be the input
_SYSTEMS: Final = 0.05  # above this many distinct system prompts a row, they are part of the input
_EDGE_CAP: Final = 2_000  # words of a template's beginning or end

WORD: Final = re.compile(r"\w+(?:['\u2019-]\w+)*")
NUMBER: Final = re.compile(r"(?<![\w.,])-?\d[\d,]*(?:\.\d+)?(?!\w)")
_CHUNK = re.compile(r"\S+")
_LABELLED = re.compile(
    r"^[ \t>*-]*([A-Za-z][\w .#/-]{0,40}?)[ \t]*[:=][ \t]*(\S[^\n]*)", re.MULTILINE
)


@dataclass(frozen=True, kw_only=True)
class Example:
    """One input with its answer."""

    row: Row
    text: str  # what varies
    data: dict[str, Any] | None  # the object in it, where the site's inputs are objects
    split: Split

    @cached_property
    def value(self) -> Any:
        """The answer: JSON or text."""
        return read_value(self.row.output)

    @cached_property
    def leaves(self) -> dict[str, Leaf]:
        """The answer's scalars by path."""
        return leaves(self.value)

    @cached_property
    def fields(self) -> dict[str, Leaf]:
        """The input's scalars by path or label."""
        if self.data is not None:
            return leaves(self.data)
        return {label.lower(): value.rstrip() for label, value in _LABELLED.findall(self.text)}

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The input's words in lower case, in order."""
        return tuple(word.lower() for word in WORD.findall(self.text))

    @cached_property
    def numbers(self) -> dict[str, float]:
        """The input's numbers by the field or the position they stand in, the first ones."""
        found: dict[str, float] = {}
        for name, leaf in self.fields.items():
            number = as_number(leaf)
            if number is not None:
                found[name] = number
        if self.data is None:
            for position, text in enumerate(NUMBER.findall(self.text)[:6]):
                found[f"number {position + 1}"] = float(text.replace(",", ""))
        return dict(list(found.items())[:8])

    @cached_property
    def folded(self) -> str:
        """The input's text with letters and digits alone in lower case, words apart by a space."""
        return f" {fold(self.text)} "


class Cut(NamedTuple):
    """What the prompts of a site have in common."""

    before: tuple[str, ...]
    after: tuple[str, ...]


def examples_of(rows: Sequence[Row]) -> tuple[list[Example], Cut]:
    """Return the examples of sampled rows, in the order of their keys, and the template cut off."""
    ordered = sorted(rows, key=lambda row: row.key)
    texts = _texts(ordered)
    shares = Shares()
    # By the input alone: the answers of two models to one input are never on both sides.
    splits = [shares.assign(str(number_of(squeezed(text))).encode()) for text in texts]
    objects = [_object_in(text) for text in texts]
    if sum(found is not None for found in objects) >= _JSON_SHARE * len(ordered):
        found = [
            Example(row=row, text=_shown(data, text), data=data or {}, split=split)
            for row, text, data, split in zip(ordered, texts, objects, splits, strict=True)
        ]
        return found, _around([text for text, data in zip(texts, objects, strict=True) if data])
    cut = _common(texts)
    found = [
        Example(row=row, text=cut_off(text, cut), data=None, split=split)
        for row, text, split in zip(ordered, texts, splits, strict=True)
    ]
    return found, cut


def as_number(leaf: Leaf) -> float | None:
    """Return the number of a leaf, also of one written as a text with a unit or currency."""
    if isinstance(leaf, bool) or leaf is None or isinstance(leaf, tuple):
        return None
    if isinstance(leaf, int | float):
        return float(leaf) if abs(leaf) < 1e15 else None  # noqa: PLR2004 - exact as a double
    match = NUMBER.search(leaf) if len(leaf) <= 40 else None  # noqa: PLR2004 - prose is no number
    return float(match.group().replace(",", "")) if match and len(match.group()) < 16 else None  # noqa: PLR2004


def fold(text: str) -> str:
    """Return a text's words in lower case with one space between them."""
    return " ".join(word.lower() for word in WORD.findall(text))


def cut_off(text: str, cut: Cut) -> str:
    """Return what varies of a text: the template's beginning and end taken off where they stand."""
    chunks = list(_CHUNK.finditer(text))
    start, end = 0, len(text)
    words = tuple(chunk.group() for chunk in chunks)
    if cut.before and words[: len(cut.before)] == cut.before:
        start = chunks[len(cut.before) - 1].end()
    if cut.after and words[-len(cut.after) :] == cut.after:
        end = chunks[-len(cut.after)].start()
    return text[start:end].strip() if start < end else text


def _texts(rows: Sequence[Row]) -> list[str]:
    systems = {row.system for row in rows}
    if len(systems) > max(2, _SYSTEMS * len(rows)):
        return [f"{row.system}\n{row.text}" for row in rows]
    return [row.text for row in rows]


def _object_in(text: str) -> dict[str, Any] | None:
    start, end = text.find("{"), text.rfind("}")
    if start < 0 or end < start:
        return None
    try:
        found = json.loads(text[start : end + 1])
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _around(texts: Sequence[str]) -> Cut:
    """Return the words that nearly all texts have before and after their object."""
    before = [tuple(text[: text.find("{")].split()) for text in texts]
    after = [tuple(text[text.rfind("}") + 1 :].split())[::-1] for text in texts]
    return Cut(_agreed(before, left=0), _agreed(after, left=0)[::-1])


def _shown(data: dict[str, Any] | None, text: str) -> str:
    if data is None:
        return text
    return "\n".join(f"{name}: {leaf}" for name, leaf in leaves(data).items())


def _common(texts: Sequence[str]) -> Cut:
    """Return the words that nearly all texts begin and end with; labels of a field stay."""
    rows = [tuple(_CHUNK.findall(text)) for text in dict.fromkeys(texts)]
    if len(rows) < 3:  # noqa: PLR2004 - nothing varies between two
        return Cut((), ())
    before = _agreed(rows)
    room = [row[len(before) :] for row in rows]
    after = _agreed([row[::-1] for row in room])[::-1]
    while before and before[-1].endswith((":", "=")):
        before = before[:-1]
    return Cut(before, after)


def _agreed(rows: Sequence[tuple[str, ...]], *, left: int = 1) -> tuple[str, ...]:
    """Return the words that nearly all rows begin with, ``left`` words of each being kept out."""
    found: list[str] = []
    while len(found) < _EDGE_CAP:
        at = len(found)
        counts = Counter(row[at] for row in rows if len(row) > at + left)
        word, count = max(counts.items(), key=lambda pair: (pair[1], pair[0]), default=("", 0))
        if not count or count < _AGREE * len(rows):
            return tuple(found)
        found.append(word)
    return tuple(found)
