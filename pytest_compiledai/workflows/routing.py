"""Per-problem routing: the configuration that did best on the nearest known problems.

Features are whatever the caller has of a problem: an embedding, lengths, flags. What routing is
worth is told by leaving each problem out, beside the best single configuration and the best that
anybody could pick; where the gain is not sure, the single one is the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pytest_compiledai.workflows import graph
from pytest_compiledai.workflows.deck import Decks
from pytest_compiledai.workflows.deck import replicates_for
from pytest_compiledai.workflows.intervals import bootstrap
from pytest_compiledai.workflows.profile import Floats
from pytest_compiledai.workflows.profile import Ints
from pytest_compiledai.workflows.profile import Profile
from pytest_compiledai.workflows.replay import Replay
from pytest_compiledai.workflows.running import structures_of
from pytest_compiledai.workflows.tradeoffs import Configuration
from pytest_compiledai.workflows.tradeoffs import TradeOffs


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


class Router:
    """Picks a configuration of a trade-off set for each problem, by features of it."""

    def __init__(
        self,
        offs: TradeOffs,
        profile: Profile,
        features: Mapping[str, Sequence[float]],
        *,
        second: float = 0.0,
        usd: float = 0.0,
        k: int = 15,
    ) -> None:
        """Take ``features`` by problem of ``profile``; worth is accuracy less seconds and USD.

        ``second`` and ``usd`` are what one of each is worth, as in ``TradeOffs.utility``. Raises
        ``ValueError`` where features do not fit, ``Unprofiled`` where rows are missing.
        """
        wanted = np.array([query in features for query in profile.queries], dtype=bool)
        some = profile.only(wanted)
        steps = structures_of(offs)
        draws: dict[str, int] = {}
        for call in (call for c in offs for call in graph.calls(steps[c.structure])):
            draws[call.agent] = max(draws.get(call.agent, 0), call.draw + 1)
        replay = Replay(Decks(some, draws=draws, replicates=replicates_for(some)))
        ran = [replay.run(steps[c.structure], c.settings) for c in offs]
        worth = [(r.score - second * r.seconds - usd * r.cost).mean(axis=0) for r in ran]
        known = np.array([features[query] for query in some.queries], dtype=np.float64)
        self.offs = offs
        self.neighbours = Neighbours(known, np.array(worth), k=k)

    def choose(self, features: Sequence[float]) -> Configuration:
        """Return the configuration for a problem with these features."""
        index = self.neighbours.choose(np.array(features, dtype=np.float64))
        return self.offs.configurations[index]

    def assessed(self, *, confidence: float = 0.9) -> Routed:
        """Return what routing is worth on these problems, each left out when it is routed."""
        return self.neighbours.assessed(confidence=confidence)
