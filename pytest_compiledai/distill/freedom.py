"""Metric Freedom: whether outputs that differ are scored differently.

F = 1 - max(0, r), r the mean over items of the Mantel rank correlation between the runs' output
distances and their score differences. Low F: a rigid metric, near outputs have near scores. The
published text (arXiv 2604.01608) names the Mantel test and not the formula; this is a
reconstruction, and no level of F is taken over from it: the cut is the lower end of what F is where
scores are shuffled among the same outputs.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean
from typing import Final
from typing import Literal

from pytest_compiledai.distill.metrics import DISTANCES

#: Runs of an item below which F says nothing (measured: at 8 its spread is as wide as its range).
LEAST_RUNS: Final = 16
SHUFFLES: Final = 199
RESAMPLES: Final = 200
LEVEL: Final = 0.05

Class = Literal["rigid", "free", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """The runs of one task: what came out, and its score."""

    outputs: tuple[str, ...]
    scores: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Freedom:
    """F of one metric under one distance."""

    value: float
    low: float  # 95 % bootstrap interval over items and runs
    high: float
    cut: float  # the 5 % quantile of F under shuffled scores
    p: float  # of a correlation as high by chance
    items: int  # whose scores differ at all

    @property
    def kind(self) -> Class:
        """Whether the metric is rigid: F is below the cut, its whole interval below 1."""
        return "rigid" if self.value < self.cut and self.high < 1 else "free"


def freedom(items: Sequence[Item], distance: str, *, seed: int = 0) -> Freedom | None:
    """Return F under ``distance``; None where no item has scores that differ.

    Raises ``ValueError`` for an item with fewer than ``LEAST_RUNS`` runs.
    """
    few = [len(item.outputs) for item in items if len(item.outputs) < LEAST_RUNS]
    if few:
        raise ValueError(f"an item with {few[0]} runs; expected {LEAST_RUNS} or more")
    told = [item for item in items if len(set(item.scores)) > 1 and len(set(item.outputs)) > 1]
    if not told:
        return None
    rng = random.Random(seed)  # noqa: S311 - resampling, no secret
    apart = [_apart(item.outputs, distance) for item in told]
    ranked = [_ranks([far[i][j] for i, j in combinations(range(len(far)), 2)]) for far in apart]
    found = fmean(_r(item.scores, ranks) for item, ranks in zip(told, ranked, strict=True))
    chance = sorted(
        fmean(_r(_shuffled(item.scores, rng), at) for item, at in zip(told, ranked, strict=True))
        for _ in range(SHUFFLES)
    )
    drawn = sorted(_f(_resampled(told, apart, rng)) for _ in range(RESAMPLES))
    tail = round(LEVEL / 2 * RESAMPLES)
    return Freedom(
        value=_f(found),
        low=drawn[tail],
        high=drawn[-1 - tail],
        cut=_f(chance[-round(LEVEL * (1 + SHUFFLES))]),  # F below it: p is LEVEL or less
        p=(1 + sum(r >= found for r in chance)) / (1 + SHUFFLES),
        items=len(told),
    )


def classes(items: Mapping[str, Sequence[Item]], *, seed: int = 0) -> dict[str, Class]:
    """Return each metric's class: what most distances say, `unknown` where none says anything."""
    found: dict[str, Class] = {}
    for metric, of in items.items():
        kinds = [value.kind for name in DISTANCES if (value := freedom(of, name, seed=seed))]
        rigid = kinds.count("rigid")
        found[metric] = "unknown" if not kinds else "rigid" if 2 * rigid > len(kinds) else "free"
    return found


_Apart = Sequence[Sequence[float]]  # [runs, runs]


def _apart(outputs: Sequence[str], distance: str) -> _Apart:
    measure = DISTANCES[distance]
    known: dict[tuple[str, str], float] = {}
    for one, other in combinations(sorted(set(outputs)), 2):
        known[one, other] = known[other, one] = measure(one, other)
    return [[known.get((one, other), 0.0) for other in outputs] for one in outputs]


def _f(r: float) -> float:
    return 1 - max(0.0, r)


def _r(scores: Sequence[float], ranks: Sequence[float]) -> float:
    """Return the rank correlation of score differences with distances whose ranks are known."""
    return _correlation(ranks, _ranks([abs(a - b) for a, b in combinations(scores, 2)]))


def _resampled(items: Sequence[Item], apart: Sequence[_Apart], rng: random.Random) -> float:
    """Return r of items and runs drawn again; a run is never paired with itself."""
    rs = []
    for at in rng.choices(range(len(items)), k=len(items)):
        scores, far = items[at].scores, apart[at]
        drawn = rng.choices(range(len(scores)), k=len(scores))
        pairs = [(i, j) for i, j in combinations(drawn, 2) if i != j]
        differences = [abs(scores[i] - scores[j]) for i, j in pairs]
        rs.append(_correlation(_ranks([far[i][j] for i, j in pairs]), _ranks(differences)))
    return fmean(rs)


def _shuffled(scores: Sequence[float], rng: random.Random) -> list[float]:
    found = list(scores)
    rng.shuffle(found)
    return found


def _correlation(left: Sequence[float], right: Sequence[float]) -> float:
    """Return the correlation of ranks; 0 where one of both never changes."""
    middle = (len(left) - 1) / 2
    down = [rank - middle for rank in left]
    across = [rank - middle for rank in right]
    spread = sum(a * a for a in down) * sum(b * b for b in across)
    return sum(a * b for a, b in zip(down, across, strict=True)) / spread**0.5 if spread else 0.0


def _ranks(values: Sequence[float]) -> list[float]:
    """Return the ranks, ties sharing their mean."""
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end + 1 < len(order) and values[order[end + 1]] == values[order[start]]:
            end += 1
        for at in order[start : end + 1]:
            ranks[at] = (start + end) / 2
        start = end + 1
    return ranks
