"""How sure a composed figure is: from the queries drawn, and from a few end-to-end runs.

Nothing here looks at the runs on which a figure is later tested.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Final

import numpy as np

from pytest_compiledai.core.interval import Interval
from pytest_compiledai.workflows.profile import Floats

RESAMPLES: Final = 400
_TINY: Final = 1e-12


def bootstrap(per_query: Floats, *, seed: int, resamples: int = RESAMPLES) -> Floats:
    """Return means [B, N] of ``per_query`` [N, Q] over queries drawn with replacement.

    All rows share the draws, so that differences of configurations are paired. One matrix product.
    """
    queries = per_query.shape[1]
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(queries, np.full(queries, 1 / queries), size=resamples) / queries
    return np.asarray(weights @ per_query.T)


def share_interval(per_query: Floats, confidence: float) -> Interval:
    """Return the two-sided interval of the mean of shares ``per_query`` [Q].

    Wilson's interval at the effective number of queries, Q p(1-p) / var: queries that were sampled
    often vary less than a coin throw. It never collapses where all queries agree, as a bootstrap
    does: then each query counts once.
    """
    if not len(per_query):
        return Interval(low=0.0, high=1.0)
    low, high = share_bounds(per_query[None], confidence)
    return Interval(low=float(low[0]), high=float(high[0]))


def share_bounds(per_query: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Return the ends [N] of ``share_interval`` of each row of ``per_query`` [N, Q]."""
    queries = per_query.shape[1]
    mean = per_query.mean(axis=1)
    spread = per_query.var(axis=1, ddof=1) if queries > 1 else np.zeros_like(mean)
    throw = mean * (1 - mean)
    known = (spread > _TINY) & (throw > _TINY)
    effective = np.where(known, queries * throw / np.where(known, spread, 1.0), queries)
    return wilson_bounds(mean, effective.clip(queries, 4.0 * queries), confidence)


def wilson_of(mean: float, trials: float, confidence: float) -> Interval:
    """Return the Wilson score interval of a share, the number of trials not always whole."""
    low, high = wilson_bounds(np.array([mean]), np.array([trials]), confidence)
    return Interval(low=float(low[0]), high=float(high[0]))


def wilson_bounds(mean: Floats, trials: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Return the ends of the Wilson score intervals of shares."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    half = z * np.sqrt(mean * (1 - mean) / trials + z * z / (4 * trials * trials))
    middle, scale = mean + z * z / (2 * trials), 1 + z * z / trials
    return np.maximum(0.0, (middle - half) / scale), np.minimum(1.0, (middle + half) / scale)


def new_sample(interval: Interval, mean: float, trials: int, confidence: float) -> Interval:
    """Return where the mean over ``trials`` other queries lies, given the interval of the mean.

    Both errors are drawn independently, so that their half widths add as squares.
    """
    other = wilson_of(mean, trials, confidence)
    low = math.hypot(mean - interval.low, mean - other.low)
    high = math.hypot(interval.high - mean, other.high - mean)
    return Interval(low=max(0.0, mean - low), high=min(1.0, mean + high))


def conformal_margin(residuals: Sequence[float], level: float) -> float:
    """Return the margin around a prediction that holds with probability ``level``.

    The ceil((n+1) level)-th smallest absolute residual of n runs that were kept apart (split
    conformal prediction); infinite where n is too small to say.
    """
    rank = math.ceil((len(residuals) + 1) * level)
    if rank > len(residuals):
        return math.inf
    return sorted(map(abs, residuals))[rank - 1]
