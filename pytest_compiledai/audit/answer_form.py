"""Answers in words that have one form: constant words with slots between them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from pytest_compiledai.audit.value import Leaf

_AGREE: Final = 0.95  # share of answers that a constant word stands in
_LEAST_WORDS: Final = 3  # constant words of a form
_SLOTS: Final = 12  # at most; an answer with more is prose
_WORD = re.compile(r"\w+(?:['\u2019-]\w+)*|[^\w\s]")


class Form:
    """A form, and what an answer puts into its slots."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        self._constant = frozenset(words)

    def slots(self, text: str) -> dict[str, Leaf] | None:
        """Return the texts of the slots by number; None for an answer of another form."""
        places = [match for match in _WORD.finditer(text) if match.group() in self._constant]
        if tuple(match.group() for match in places) != self.words:
            return None
        starts = [0, *(match.end() for match in places)]
        ends = [*(match.start() for match in places), len(text)]
        texts = [
            text[start:end].strip(" \t\n.,;:") for start, end in zip(starts, ends, strict=True)
        ]
        return {f"slot {number}": slot for number, slot in enumerate(texts) if slot}


def find_form(answers: Sequence[str]) -> Form | None:
    """Return the form that nearly all answers have, if there is one with few slots."""
    kept = [_WORD.findall(answer) for answer in answers]
    # A word that stands equally often in nearly all answers is constant at each of its places.
    counts = Counter(pair for words in kept for pair in Counter(words).items())
    constant = {word for (word, _), count in counts.items() if count >= _AGREE * len(kept)}
    if len(constant) < _LEAST_WORDS:
        return None
    orders = Counter(tuple(word for word in words if word in constant) for words in kept)
    words, agreed = min(orders.items(), key=lambda pair: (-pair[1], pair[0]))
    if agreed < (2 * _AGREE - 1) * len(kept) or _gaps(kept, words) > _SLOTS:
        return None
    return Form(words)


def _gaps(kept: Sequence[Sequence[str]], constant: Sequence[str]) -> int:
    """Return how many slots the first answer of this form fills."""
    inside = set(constant)
    first = next(
        words for words in kept if tuple(w for w in words if w in inside) == tuple(constant)
    )
    return sum(
        word not in inside and (at == 0 or first[at - 1] in inside) for at, word in enumerate(first)
    )
