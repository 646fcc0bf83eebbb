"""The pilot for closed answers that no short rule gives: naive Bayes over words and word pairs.

It is a lower bound of what small trained weights reach: it knows no word that it has not seen.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from pytest_compiledai.audit.example import Example
from pytest_compiledai.audit.value import Leaf

LABEL_CAP: Final = 200  # labels that are learned
_SMOOTHING: Final = 0.2
_WORDS: Final = 200  # of an input that are looked at


class Learner:
    """Naive Bayes over what is looked at in an input."""

    def __init__(self, seen: Sequence[set[str]], labels: Sequence[Leaf]) -> None:
        self.labels: Counter[Leaf] = Counter(labels)
        self.words: dict[Leaf, Counter[str]] = {label: Counter() for label in self.labels}
        for words, label in zip(seen, labels, strict=True):
            self.words[label].update(words)
        self.vocabulary = {word for counts in self.words.values() for word in counts}
        size, rows = len(self.vocabulary), self.labels.total()
        # Of a word that a label was not seen with, and of each that it was, above that.
        self.base = {
            label: math.log(_SMOOTHING / (counts.total() + _SMOOTHING * size or 1.0))
            for label, counts in self.words.items()
        }
        self.above = {
            label: {word: math.log((n + _SMOOTHING) / _SMOOTHING) for word, n in counts.items()}
            for label, counts in self.words.items()
        }
        self.prior = {label: math.log(count / rows) for label, count in self.labels.items()}

    def answer(self, seen: set[str]) -> Leaf:
        """Return the likeliest label of an input with these signs."""
        known = sorted(word for word in seen if word in self.vocabulary)  # sums in one order
        best: tuple[float, Leaf] | None = None
        for label, above in self.above.items():
            score = self.prior[label] + self.base[label] * len(known)
            score += math.fsum([above[word] for word in known if word in above])
            if best is None or score > best[0]:
                best = (score, label)
        assert best is not None
        return best[1]


def signs(example: Example) -> set[str]:
    """Return what is looked at in an input: words, pairs of words, values of fields."""
    found = word_signs(example.words)
    found.update(f"{name}={leaf}" for name, leaf in example.fields.items() if len(str(leaf)) < 40)  # noqa: PLR2004
    return found


def word_signs(words: Sequence[str]) -> set[str]:
    """Return words and pairs of words."""
    words = words[:_WORDS]
    return {*words, *(f"{one} {two}" for one, two in pairwise(words))}
