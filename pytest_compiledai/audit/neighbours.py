"""The pilot for open answers: how much of an answer stands in the answers to similar inputs.

A word of a held-out answer is covered when it is common form (it stands in a large share of all
answers), stands in the input, or in the answers to the nearest other inputs. A student that is
shown those as demonstrations has seen every covered word.
"""

from __future__ import annotations

import math
from collections import Counter
from collections import defaultdict
from collections.abc import Sequence
from typing import Final
from typing import NamedTuple

from pytest_compiledai.audit.example import WORD
from pytest_compiledai.audit.example import Example

_KNOWN: Final = 400  # examples that may serve as demonstrations
_ASKED: Final = 60  # held-out examples that are looked at
_SHOWN: Final = 3  # demonstrations for each
_COMMON: Final = 0.3  # share of answers that a word of common form stands in
_POSTINGS: Final = 100  # examples a word leads to; a commoner word tells little


class Coverage(NamedTuple):
    """What demonstrations hold of held-out answers: shares of words, and answers told apart."""

    near: float  # covered with the demonstrations nearest to the input
    random: float  # covered with as many others
    common: float  # of common form
    better: int = 0  # answers of which the nearest hold more than as many others
    worse: int = 0  # answers of which they hold less


def coverage(known: Sequence[Example], asked: Sequence[Example]) -> Coverage:
    """Return how much of the answers ``asked`` demonstrations out of ``known`` cover."""
    known, asked = known[:_KNOWN], asked[:_ASKED]
    answers = [_words(example.row.output) for example in known]
    counts = Counter(word for words in answers for word in set(words))
    common = {word for word, count in counts.items() if count >= _COMMON * len(known)}
    index: defaultdict[str, list[int]] = defaultdict(list)
    for number, example in enumerate(known):
        for word in set(example.words):
            index[word].append(number)
    near = far = form = total = better = worse = 0
    for turn, example in enumerate(asked):
        words = _words(example.row.output)
        shown = _nearest(example, index, len(known))
        others = (
            [(turn * _SHOWN + offset) % len(known) for offset in range(_SHOWN)] if known else []
        )
        given = common | set(example.words)
        by_near = _covered(words, given, answers, shown)
        by_others = _covered(words, given, answers, others)
        near, far = near + by_near, far + by_others
        better, worse = better + (by_near > by_others), worse + (by_near < by_others)
        form += sum(word in common for word in words)
        total += len(words)
    if not total:
        return Coverage(0, 0, 0)
    return Coverage(near / total, far / total, form / total, better, worse)


def _covered(
    words: Sequence[str], given: set[str], answers: Sequence[Sequence[str]], shown: Sequence[int]
) -> int:
    seen = given.union(*(answers[number] for number in shown))
    return sum(word in seen for word in words)


def _nearest(example: Example, index: dict[str, list[int]], total: int) -> list[int]:
    scores: Counter[int] = Counter()
    for word in set(example.words):
        postings = index.get(word, [])
        if postings and len(postings) <= max(_POSTINGS, total // 4):
            weight = math.log(1 + total / len(postings))
            for number in postings:
                scores[number] += weight  # type: ignore[assignment]  # a Counter adds floats too
    return sorted(scores, key=lambda number: (-scores[number], number))[:_SHOWN]


def _words(text: str) -> list[str]:
    return [word.lower() for word in WORD.findall(text)]
