"""Below which probability weights abstain: taken from conversations that training never saw."""

from __future__ import annotations

import math
from collections.abc import Mapping
from collections.abc import Sequence
from statistics import NormalDist
from statistics import fmean
from statistics import stdev
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
    fold: int = 0  # the part of the carriers that its words stand between


def threshold(answers: Sequence[Answer], wanted: float) -> float:
    """Return the least probability from which on answers are right often enough.

    Right often enough: the low end of the Wilson interval at 80 % reaches ``wanted``, and so does
    what is to be expected of one more part of carriers (``_another``); or, where there are too few
    answers for that, all of them are right. At least one half: below it another action may be as
    likely.
    """
    ranked = sorted(answers, key=lambda answer: -answer.share)
    best, right = MOST, 0
    folds: dict[int, list[int]] = {answer.fold: [0, 0] for answer in answers}  # right, all
    for count, answer in enumerate(ranked, 1):
        right += answer.right
        folds[answer.fold][0] += answer.right
        folds[answer.fold][1] += 1
        last = count == len(ranked) or ranked[count].share < answer.share
        if last and (right == count or _enough(right, count, folds, wanted)):
            best = answer.share
    return max(0.5, min(best, MOST))


def _enough(right: int, count: int, folds: Mapping[int, Sequence[int]], wanted: float) -> bool:
    return (
        wilson(right, count, _CONFIDENCE).low >= wanted
        and _another([good / all_ for good, all_ in folds.values() if all_]) >= wanted
    )


def _another(shares: Sequence[float]) -> float:
    """Return the low end (80 %, one side) of where a further part's share lies.

    Student's prediction interval of one more observation: turns between the same carriers go wrong
    together, so that it is parts that are counted, not turns.
    """
    count = len(shares)
    if count < 2:  # noqa: PLR2004 - one part has no spread
        return fmean(shares)
    # The quantile of t by Cornish and Fisher's expansion: within 2 % from 3 degrees on.
    z, freedom = NormalDist().inv_cdf(_CONFIDENCE), count - 1
    t = z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
    return fmean(shares) - t * stdev(shares) * math.sqrt(1 + 1 / count)
