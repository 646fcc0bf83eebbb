"""Below which probability weights abstain: taken from conversations that training never saw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from typing import NamedTuple

from pytest_compiledai.core.interval import wilson

#: Of the interval whose low end has to reach the wanted share.
_CONFIDENCE: Final = 0.8
MOST: Final = 0.9999


class Answer(NamedTuple):
    """One turn: how sure the weights were, and whether they were right."""

    share: float
    right: bool


def threshold(answers: Sequence[Answer], wanted: float) -> float:
    """Return the least probability from which on answers are right often enough.

    Right often enough: the low end of the Wilson interval at 80 % reaches ``wanted``, or, where
    there are too few answers for that, all of them are right. At least one half: below it another
    action may be as likely.
    """
    ranked = sorted(answers, key=lambda answer: -answer.share)
    best, right = MOST, 0
    for count, answer in enumerate(ranked, 1):
        right += answer.right
        last = count == len(ranked) or ranked[count].share < answer.share
        if last and (right == count or wilson(right, count, _CONFIDENCE).low >= wanted):
            best = answer.share
    return max(0.5, min(best, MOST))
