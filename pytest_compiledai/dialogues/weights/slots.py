"""Slot values in what a user writes, found by code: weights choose actions, never values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from pytest_compiledai.dialogues.flow import Flow
from pytest_compiledai.dialogues.flow import Slot


def extract(flow: Flow, node: str, text: str) -> dict[str, str | int]:
    """Return the values that ``text`` states of slots that an edge of ``node`` can fill.

    The first in the text wins; of two that start at one place the longer. A stretch of text fills
    one slot only: the one that is named first in the flow.
    """
    wanted = {s for edge in flow.nodes[node].edges for s in flow.intents[edge.intent].slots}
    found: dict[str, str | int] = {}
    taken: list[tuple[int, int]] = []
    for name in (name for name in flow.slots if name in wanted):
        for start, end, value in _stated(flow.slots[name], text):
            if all(end <= one or start >= other for one, other in taken):
                found[name] = value
                taken.append((start, end))
                break
    return found


def _stated(slot: Slot, text: str) -> Iterator[tuple[int, int, str | int]]:
    for match in _finder(
        slot.pattern, tuple(t for ts in slot.values.values() for t in ts)
    ).finditer(text):
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
