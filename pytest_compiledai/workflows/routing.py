"""Per-problem routing: the configuration that did best on the nearest known problems.

Features are whatever the caller has of a problem: an embedding, lengths, flags. What routing is
worth is told by leaving each problem out, beside the best single configuration and the best that
anybody could pick; where the gain is not sure, the single one is the answer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pytest_compiledai.workflows.intervals import bootstrap
from pytest_compiledai.workflows.profile import Floats
from pytest_compiledai.workflows.profile import Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Routed:
    """Mean worth of a problem under each way of picking, each problem left out in turn."""

    routed: float
    single: float  # of the configuration that is best on the other problems
    oracle: float  # of the best configuration of each problem, which nobody knows before
    gain_low: float  # lower end of routed - single, one-sided

    @property
    def regret(self) -> float:
        """What routing leaves on the table."""
        return self.oracle - self.routed

    @property
    def pays(self) -> bool:
        """Whether routing is surely better than the best single configuration."""
        return self.gain_low > 0


class Neighbours:
    """Routes by the ``k`` nearest problems of a profile; distances in standardised features."""

    def __init__(self, features: Floats, worth: Floats, *, k: int = 15) -> None:
        """Take ``features`` [Q, d] and ``worth`` [N, Q], for example accuracy less 0.01 a second.

        Raises ``ValueError`` for shapes that do not fit and for figures that are not finite.
        """
        if features.ndim != 2 or worth.ndim != 2 or len(features) != worth.shape[1]:  # noqa: PLR2004
            raise ValueError(f"features {features.shape}, worth {worth.shape}; [Q, d] and [N, Q]")
        if not (np.isfinite(features).all() and np.isfinite(worth).all()):
            raise ValueError("a figure that is not finite")
        if not 0 < k < len(features):
            raise ValueError(f"k = {k} of {len(features)} problems")
        self.k = k
        self.worth = worth
        self._middle = features.mean(axis=0)
        spread = features.std(axis=0)
        self._spread = np.where(
            spread > 0, spread, 1.0
        )  # a feature that never differs says nothing
        self._known = (features - self._middle) / self._spread

    def choose(self, features: Floats) -> int:
        """Return the index of the configuration for a problem with these ``features`` [d]."""
        scaled = ((features - self._middle) / self._spread)[None]
        return int(self._best(self._distances(scaled))[0])

    def assessed(self, *, confidence: float = 0.9, seed: int = 0) -> Routed:
        """Return what routing is worth on these problems, each left out when it is routed."""
        distances = self._distances(self._known)
        np.fill_diagonal(distances, np.inf)
        queries = np.arange(self.worth.shape[1])
        routed = self.worth[self._best(distances), queries]
        rest = self.worth.sum(axis=1, keepdims=True) - self.worth  # [N, Q] without each problem
        single = self.worth[rest.argmax(axis=0), queries]
        drawn = bootstrap((routed - single)[None], seed=seed, resamples=1000)[:, 0]
        return Routed(
            routed=float(routed.mean()),
            single=float(single.mean()),
            oracle=float(self.worth.max(axis=0).mean()),
            gain_low=float(np.quantile(drawn, 1 - confidence)),
        )

    def _distances(self, scaled: Floats) -> Floats:
        """Return squared distances [M, Q] to the known problems."""
        lengths = (scaled**2).sum(axis=1)[:, None] + (self._known**2).sum(axis=1)[None]
        return np.asarray(lengths - 2 * scaled @ self._known.T)

    def _best(self, distances: Floats) -> Ints:
        nearest = np.argpartition(distances, self.k - 1, axis=1)[:, : self.k]  # [M, k]
        return np.asarray(self.worth[:, nearest].mean(axis=2).argmax(axis=0))
