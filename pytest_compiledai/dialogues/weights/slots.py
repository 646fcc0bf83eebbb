"""Slot values in what a user writes, found by code: weights choose actions, never values."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from collections.abc import Mapping
from functools import lru_cache
from typing import Final
from typing import NamedTuple

from pytest_compiledai.dialogues.flow import PLACEHOLDER
from pytest_compiledai.dialogues.flow import Flow
from pytest_compiledai.dialogues.flow import Intent
from pytest_compiledai.dialogues.flow import Slot

_WORD: Final = re.compile(r"[^\W_]+")
#: What a stretch is worth as a value of a slot that no example word points to.
_UNSEEN: Final = 0.1


class _Span(NamedTuple):
    """A stretch of text that may be a slot's value."""

    worth: float  # how often the examples have the word before it before this slot
    start: int
    end: int
    slot: str
    value: str | int


def extract(flow: Flow, intent: Intent, text: str) -> dict[str, str | int]:
    """Return the values that ``text`` states of the slots of ``intent``.

    A stretch fills one slot, a slot takes one stretch. Of slots that share values the word before
    decides, as the examples have it: `from` Rome is where it starts. Then the first in the text
    wins, then the longer.
    """
    cues = _cues(intent)
    spans = [
        _Span(_worth(cues[name], text, start), start, end, name, value)
        for name in intent.slots
        for start, end, value in _stated(flow.slots[name], text)
    ]
    found: dict[str, str | int] = {}
    taken: list[_Span] = []
    for span in sorted(spans, key=lambda span: (-span.worth, span.start, -span.end)):
        free = all(span.end <= other.start or span.start >= other.end for other in taken)
        if free and span.slot not in found:
            found[span.slot] = span.value
            taken.append(span)
    return found


@lru_cache(maxsize=1024)
def _cues(intent: Intent) -> Mapping[str, Mapping[str, float]]:
    """Return, by slot, the share of examples in which a word stands before it; "" for none."""
    found: dict[str, Counter[str]] = {slot: Counter() for slot in intent.slots}
    for example in intent.examples:
        for match in PLACEHOLDER.finditer(example):
            found[match[1]][_before(example, match.start())] += 1
    return {slot: {w: n / c.total() for w, n in c.items()} for slot, c in found.items()}


def _before(text: str, start: int) -> str:
    words = _WORD.findall(text[:start].rpartition("}")[2].casefold())
    return words[-1] if words else ""


def _worth(cues: Mapping[str, float], text: str, start: int) -> float:
    word = _before(text, start)
    return max(_UNSEEN, cues.get(word, 0.0) if word else 0.0)


def _stated(slot: Slot, text: str) -> Iterator[tuple[int, int, str | int]]:
    texts = tuple(written for all_ in slot.values.values() for written in all_)
    for match in _finder(slot.pattern, texts).finditer(text):
        written = match[0] if slot.pattern else _as_listed(slot, match[0])
        yield match.start(), match.end(), slot.value_of(written)


def _as_listed(slot: Slot, written: str) -> str:
    folded = written.casefold()
    return next(t for texts in slot.values.values() for t in texts if t.casefold() == folded)


@lru_cache(maxsize=512)
def _finder(pattern: str, texts: tuple[str, ...]) -> re.Pattern[str]:
    """Return what finds a whole value: no letter, digit or underscore touches it."""
    if pattern:
        return re.compile(rf"(?<!\w)(?:{pattern})(?!\w)")
    listed = "|".join(re.escape(text) for text in sorted(texts, key=lambda t: (-len(t), t)))
    return re.compile(rf"(?<!\w)(?:{listed})(?!\w)", re.IGNORECASE)
