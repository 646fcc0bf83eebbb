"""Fronts of two figures, seconds (less is better) and accuracy (more is better), and their algebra.

Every operation returns exactly the undominated points: nothing is rounded or binned away. What a
point was made of is kept as indices into the fronts it came from.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from typing import NamedTuple

import numpy as np

from pytest_compiledai.workflows.profile import Floats
from pytest_compiledai.workflows.profile import Ints

_BINS: Final = 2048
_SAMPLED: Final = 64  # points of each front that make the coarse front of a product
_SMALL: Final = 4096  # pairs that are sorted at once


@dataclass(frozen=True, slots=True)
class Front:
    """Undominated points by rising seconds, hence rising accuracy, and what each was made of.

    ``origin`` [N, k] indexes what the points came from: the setting of a call, the points of two
    fronts, or the number of a front and its point.
    """

    seconds: Floats
    accuracy: Floats
    origin: Ints

    def __len__(self) -> int:
        return len(self.seconds)


def undominated(seconds: Floats, accuracy: Floats) -> Ints:
    """Return the indices of undominated points by rising seconds; of equal points the first."""
    order = np.argsort(seconds, kind="stable")
    best = np.maximum.accumulate(accuracy[order])
    rises = np.empty(len(order), dtype=bool)
    rises[:1] = True
    np.greater(best[1:], best[:-1], out=rises[1:])
    kept = order[rises]
    # Of several that take equally long the last is the most accurate. One sort and this is half
    # the time of a sort by both figures.
    last = np.ones(len(kept), dtype=bool)
    np.less(seconds[kept[:-1]], seconds[kept[1:]], out=last[:-1])
    return kept[last]


def front_of(seconds: Floats, accuracy: Floats) -> Front:
    """Return the front of the settings of one call."""
    kept = undominated(seconds, accuracy)
    return Front(seconds[kept], accuracy[kept], kept[:, None])


def series(a: Front, b: Front) -> Front:
    """Return the front of one after the other, both of which have to be right, independently."""
    return _merged(a, b, _Rule(np.multiply, np.add))


def joined(a: Front, b: Front, *, parallel: bool) -> Front:
    """Return the front of two branches that have to be right both."""
    return _merged(a, b, _Rule(np.multiply, np.maximum if parallel else np.add))


def either(a: Front, b: Front, *, parallel: bool) -> Front:
    """Return the front of two branches of which one has to be right: 1 - (1-p)(1-q)."""
    return _merged(a, b, _Rule(_any_of_two, np.maximum if parallel else np.add))


def union(fronts: Sequence[Front]) -> Front:
    """Return the front of alternatives; ``origin`` is the number of the front and its point."""
    seconds = np.concatenate([front.seconds for front in fronts])
    accuracy = np.concatenate([front.accuracy for front in fronts])
    which = np.repeat(np.arange(len(fronts)), [len(front) for front in fronts])
    point = np.concatenate([np.arange(len(front)) for front in fronts])
    kept = undominated(seconds, accuracy)
    return Front(seconds[kept], accuracy[kept], np.stack([which[kept], point[kept]], axis=1))


def _any_of_two(p: Floats, q: Floats) -> Floats:
    return 1.0 - (1.0 - p) * (1.0 - q)


class _Rule(NamedTuple):
    """How the figures of two parts become those of both."""

    gain: Callable[[Floats, Floats], Floats]
    time: Callable[[Floats, Floats], Floats]

    def __call__(self, a: Front, b: Front) -> tuple[Floats, Floats]:
        seconds = self.time(a.seconds[:, None], b.seconds[None, :])
        return seconds.ravel(), self.gain(a.accuracy[:, None], b.accuracy[None, :]).ravel()


def _merged(a: Front, b: Front, rule: _Rule) -> Front:
    seconds, accuracy = rule(a, b)
    near = _undropped(a, b, seconds, accuracy, rule)
    if near is not None:
        kept = near[undominated(seconds[near], accuracy[near])]
    else:
        kept = undominated(seconds, accuracy)
    return Front(seconds[kept], accuracy[kept], np.stack(np.divmod(kept, len(b)), axis=1))


def _undropped(a: Front, b: Front, seconds: Floats, accuracy: Floats, rule: _Rule) -> Ints | None:
    """Return the indices of points that no point of a coarse front beats; None for few points.

    The coarse front is made of every so many points of both, so it is reached; a point with less
    accuracy than the best that is reached by the start of its bin is dominated.
    """
    if len(seconds) <= _SMALL:
        return None
    reached_s, reached_p = rule(_thinned(a), _thinned(b))
    low, high = float(seconds.min()), float(seconds.max())
    if high <= low:
        return None
    scale = _BINS / (high - low)
    # A reached point counts from the bin after its own on, whatever rounding did to the index.
    bins = ((reached_s - low) * scale).astype(np.int64) + 1
    best = np.full(_BINS + 3, -np.inf)
    np.maximum.at(best, bins + 1, reached_p)
    best = np.maximum.accumulate(best)
    index = ((seconds - low) * scale).astype(np.int64) + 1
    return np.flatnonzero(accuracy >= best[index])


def _thinned(front: Front) -> Front:
    """Return a front of a few points of ``front``, evenly spread, first and last among them."""
    count = len(front)
    kept = np.unique(np.linspace(0, count - 1, min(count, _SAMPLED)).round().astype(np.int64))
    return Front(front.seconds[kept], front.accuracy[kept], front.origin[kept])
