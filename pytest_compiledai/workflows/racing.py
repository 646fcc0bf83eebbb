"""Racing: measures settings side by side and stops one when no target can need it any more.

All settings see the same queries in the same order. After each round the mean that a setting would
have over all queries is bounded, for queries are drawn without putting back; a setting is stopped
when, at every target, it surely misses, or one that is surely faster surely reaches, or it is
itself the surely fastest that reaches. Each stop carries its certificate. Which of two is faster is
told by the differences on the queries that both saw, for what is long for one is long for others.

A setting waits while at every target another that is surely faster seems to reach: it is needed
only when that one turns out to miss.

It answers which single setting to take at a target. For votes and retries a weak, different
setting may still help; what was stopped here was not measured for them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pytest_compiledai.workflows.profile import Floats
from pytest_compiledai.workflows.profile import Ints

#: Measures one setting on some queries: returns scores and seconds.
Measure = Callable[[int, Ints], tuple[Floats, Floats]]

BATCH: Final = 20
_ROUNDING: Final = 1e-9  # a mean that is the target to the last bit reaches it
LEAST: Final = 40  # queries that every setting sees: below, a bound by the normal is none


class Stop(NamedTuple):
    """Why a setting was stopped: all certificates of a race hold at its confidence."""

    setting: int
    queries: int  # it was measured on
    accuracy: tuple[float, float]  # bounds of its mean over all queries
    seconds: tuple[float, float]
    because: tuple[str, ...]  # a reason for each target


class Bounds(NamedTuple):
    """Bounds of means over all queries [S]."""

    low: Floats
    high: Floats
    fast: Floats  # seconds, lower
    slow: Floats  # seconds, upper
    faster: NDArray[np.bool_]  # [S, S] the first is surely faster than the second


@dataclass(frozen=True, slots=True, kw_only=True)
class Raced:
    """What a race measured and decided."""

    chosen: tuple[int | None, ...]  # by target: the fastest whose mean reaches it
    calls: int
    grid: int  # calls of measuring every setting on every query
    stops: tuple[Stop, ...]


class _Race:
    """The state of a race: what was measured, and who still runs."""

    def __init__(self, settings: int, queries: int, targets: Sequence[float], z: float) -> None:
        self.score = np.full((settings, queries), np.nan)
        self.seconds = np.full((settings, queries), np.nan)
        self.seen = np.zeros(settings, dtype=np.int64)
        self.running = np.ones(settings, dtype=bool)
        self.targets = tuple(targets)
        self.z = z
        self.stops: list[Stop] = []

    def measure(self, measure: Measure, settings: Ints, order: Ints, *, most: int) -> None:
        """Measure ``settings`` on the next ``most`` queries of each in ``order``."""
        for setting in settings:
            batch = order[self.seen[setting] : self.seen[setting] + most]
            self.score[setting, batch], self.seconds[setting, batch] = measure(int(setting), batch)
            self.seen[setting] += len(batch)

    def means(self) -> tuple[Floats, Floats]:
        return np.nanmean(self.score, axis=1), np.nanmean(self.seconds, axis=1)

    def bounds(self) -> Bounds:
        score, half = self._around(self.score)
        seconds, spread = self._around(self.seconds)
        queries = self.score.shape[1]
        # What is measured already bounds the mean over all queries, whatever comes.
        sure = np.nansum(self.score, axis=1) / queries
        rest = 1 - self.seen / queries
        return Bounds(
            np.maximum(score - half, sure),
            np.minimum(score + half, sure + rest),
            seconds - spread,
            seconds + spread,
            self._faster(),
        )

    def _faster(self) -> NDArray[np.bool_]:
        """Return which setting [S, S] surely takes less time than which, by paired differences."""
        seen = ~np.isnan(self.seconds)
        both, total = seen.astype(float), self.seconds.shape[1]
        own = np.where(seen, self.seconds, 0.0)
        own /= max(float(own.max()), _ROUNDING)  # sums of squares keep their digits
        sums, squares = own @ both.T, own**2 @ both.T
        n = both @ both.T
        mean = (sums - sums.T) / n
        spread = np.maximum((squares + squares.T - 2 * own @ own.T) / n - mean**2, 0.0)
        half = self.z * np.sqrt(spread / n * (total - n) / max(total - 1, 1))
        return np.asarray(mean + half < 0)

    def _around(self, values: Floats) -> tuple[Floats, Floats]:
        """Return means and half widths of the mean over all queries, drawn without putting back.

        Wilson's spread keeps a setting that was always right from being certain.
        """
        n, total = self.seen, values.shape[1]
        mean = np.nanmean(values, axis=1)
        spread = np.nanvar(values, axis=1)
        if values is self.score:
            pulled = (mean * n + self.z**2 / 2) / (n + self.z**2)
            spread = np.maximum(spread, pulled * (1 - pulled))
        unseen = (total - n) / max(total - 1, 1)
        return mean, self.z * np.sqrt(spread / n * unseen)

    def go_on(self) -> Ints:
        """Stop what no target needs, and return the settings to measure next."""
        bounds = self.bounds()
        self._stop(bounds)
        return self._next(bounds)

    def _next(self, bounds: Bounds) -> Ints:
        """Return the settings to measure further: at some target the leader, and its rivals.

        The leader is the fastest that seems to reach; a rival may reach and is not surely slower.
        """
        score, seconds = self.means()
        wanted = np.zeros(len(score), dtype=bool)
        for target in self.targets:
            rivals = self._may(bounds, target)
            able = np.flatnonzero(score >= target - _ROUNDING)
            if len(able):
                rivals &= ~bounds.faster[able[seconds[able].argmin()]]
            wanted |= rivals
        open_ = self.running & (self.seen < self.score.shape[1])
        return np.flatnonzero(wanted & open_ if (wanted & open_).any() else open_)

    def _stop(self, bounds: Bounds) -> None:
        """Stop what no target needs."""
        for setting in np.flatnonzero(self.running):
            reasons = [self._reason(int(setting), target, bounds) for target in self.targets]
            if all(reasons):
                self.running[setting] = False
                self.stops.append(
                    Stop(
                        int(setting),
                        int(self.seen[setting]),
                        (float(bounds.low[setting]), float(bounds.high[setting])),
                        (float(bounds.fast[setting]), float(bounds.slow[setting])),
                        tuple(reasons),
                    )
                )

    def _reason(self, setting: int, target: float, bounds: Bounds) -> str:
        """Return why ``target`` does not need more of ``setting``; empty where it may."""
        if bounds.high[setting] < target - _ROUNDING:
            return f"misses {target:.3f}: at most {bounds.high[setting]:.3f}"
        faster = (bounds.low >= target) & bounds.faster[:, setting]
        if faster.any():
            other = int(np.flatnonzero(faster)[bounds.slow[faster].argmin()])
            return f"{other} is faster and reaches {target:.3f}"
        if bounds.low[setting] < target:
            return ""
        rivals = self._may(bounds, target)
        rivals[setting] = False
        rivals &= ~bounds.faster[setting]
        return "" if rivals.any() else f"is the fastest that reaches {target:.3f}"

    @staticmethod
    def _may(bounds: Bounds, target: float) -> NDArray[np.bool_]:
        return np.asarray(bounds.high >= target - _ROUNDING)

    def chosen(self, target: float) -> int | None:
        """Return the fastest setting whose mean reaches ``target``, of those not ruled out."""
        score, seconds = self.means()
        able = np.flatnonzero(score >= target - _ROUNDING)
        return int(able[seconds[able].argmin()]) if len(able) else None


def race(
    measure: Measure,
    *,
    settings: int,
    queries: int,
    targets: Sequence[float],
    confidence: float = 0.95,
    seed: int = 0,
) -> Raced:
    """Return the fastest setting at each target, measured on no more queries than it takes.

    ``confidence`` is that of all certificates at once: what may fail is shared out evenly among
    settings, and among the doublings of queries, for bounds are looked at again as they grow.
    """
    looks = 1 + max(0, math.ceil(math.log2(max(queries, LEAST) / LEAST)))
    z = NormalDist().inv_cdf(1 - (1 - confidence) / (2 * settings * looks))
    order = np.random.default_rng(seed).permutation(queries)
    state = _Race(settings, queries, targets, z)
    state.measure(measure, np.arange(settings), order, most=LEAST)
    while len(ahead := state.go_on()):
        state.measure(measure, ahead, order, most=BATCH)
    return Raced(
        chosen=tuple(state.chosen(target) for target in targets),
        calls=int(state.seen.sum()),
        grid=settings * queries,
        stops=tuple(state.stops),
    )
