"""Makes a trade-off set: replays configurations per query, then averages and keeps the undominated.

Every configuration is replayed while there are at most 20,000. Beyond that the exact search of
means picks those to replay, where the flow's steps have a rule on means; else an evolutionary
search does.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from statistics import NormalDist
from typing import Final

import numpy as np

from pytest_compiledai.core.interval import Interval
from pytest_compiledai.workflows import graph
from pytest_compiledai.workflows.bounds import bounds
from pytest_compiledai.workflows.deck import Decks
from pytest_compiledai.workflows.deck import replicates_for
from pytest_compiledai.workflows.intervals import bootstrap
from pytest_compiledai.workflows.intervals import new_sample
from pytest_compiledai.workflows.intervals import share_interval
from pytest_compiledai.workflows.plan import Plan
from pytest_compiledai.workflows.plan import assignments
from pytest_compiledai.workflows.plan import size
from pytest_compiledai.workflows.plan import structures
from pytest_compiledai.workflows.profile import Floats
from pytest_compiledai.workflows.profile import Ints
from pytest_compiledai.workflows.profile import Profile
from pytest_compiledai.workflows.replay import Replay
from pytest_compiledai.workflows.search import Means
from pytest_compiledai.workflows.search import Unsearchable
from pytest_compiledai.workflows.search import search
from pytest_compiledai.workflows.tradeoffs import Configuration
from pytest_compiledai.workflows.tradeoffs import Range

MOST_REPLAYED: Final = 20_000
#: What is stated of new problems holds for the whole set at once, and fails this many times more
#: rarely than a single interval may: a gate that tests it turns down one honest set of a hundred
#: at 90 %.
GATE_SHARE: Final = 10
_ORDERS: Final = 8  # how many times the space may be counted by orders of votes, to be listed
_LEAST_SE: Final = 1e-3


class TooMany(ValueError):
    """More configurations than can be replayed, and nothing to pick some by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one configuration gives on the queries of a profile."""

    accuracy: Floats  # [Q]
    seconds: Floats  # [R, Q]
    cost: Floats  # [Q]

    def times(self) -> dict[str, float]:
        """Return mean, median and 95th percentile of the seconds a query takes."""
        p50, p95 = np.quantile(self.seconds, (0.5, 0.95))
        return {"mean": float(self.seconds.mean()), "p50": float(p50), "p95": float(p95)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """A trade-off set and how it was found."""

    configurations: tuple[Configuration, ...]
    searched: int  # configurations that were replayed
    space: int
    method: str


class Composer:
    """Replays configurations of a plan on a profile."""

    def __init__(self, plan: Plan, profile: Profile) -> None:
        self.plan = plan
        self.profile = profile
        self.structures = structures(plan)
        draws: dict[str, int] = {}
        for step in self.structures:
            for call in graph.calls(step):
                draws[call.agent] = max(draws.get(call.agent, 0), call.draw + 1)
        decks = partial(Decks, profile, draws=draws, replicates=replicates_for(profile))
        self.replay = Replay(decks(), width=plan.width)
        self.ends = [Replay(decks(end=end), width=plan.width) for end in (0, 1)]
        self.margin = 0.0
        self._covered: dict[tuple[str, str], bool] = {}

    def measure(self, structure: int, settings: Mapping[str, str]) -> Measured:
        """Return what a configuration gives. Raises ``Unprofiled``."""
        found = self.replay.run(self.structures[structure], settings)
        return Measured(
            accuracy=found.score.mean(axis=0), seconds=found.seconds, cost=found.cost.mean(axis=0)
        )

    def composed(self, *, new_problems: int, margin: float = 0.0) -> Composed:
        """Return the trade-off set; its intervals tell of so many new problems too.

        ``margin`` is what end-to-end runs showed composed accuracy to be off; no interval is
        narrower.

        Raises ``TooMany`` and ``Unprofiled``.
        """
        self.margin = margin
        space = sum(size(step, self.plan) for step in self.structures)
        chosen, method = self._chosen(space)
        # What survives is measured once more: all arrays of all configurations would not fit.
        kept = [(*chosen[n], self.measure(*chosen[n])) for n in self._kept(chosen)]
        return Composed(
            configurations=self._told(kept, new_problems),
            searched=len(chosen),
            space=space,
            method=method,
        )

    def _chosen(self, space: int) -> tuple[list[tuple[int, dict[str, str]]], str]:
        """Return the configurations to replay, and how they were chosen."""
        if space <= MOST_REPLAYED * _ORDERS:
            every = list(itertools.islice(self._all(self._rank()), MOST_REPLAYED + 1))
            if len(every) <= MOST_REPLAYED:
                return every, "every configuration, per query"
        try:
            return self._front_of_means(), "the exact front of means, then per query"
        except Unsearchable:
            return self._evolved()

    def _all(self, rank: Mapping[tuple[str, str], int]) -> Iterator[tuple[int, dict[str, str]]]:
        for number, step in enumerate(self.structures):
            for settings in assignments(step, self.plan, rank):
                yield number, settings

    def _rank(self) -> dict[tuple[str, str], int]:
        """Return the place of each agent's setting by falling accuracy, of equals by name."""
        means = [
            (-float(cell.score.mean()) if cell else 0.0, setting, agent)
            for agent, settings in self.plan.settings.items()
            for setting in settings
            for cell in [self.profile.cell(agent, setting)]
        ]
        return {(agent, setting): n for n, (_, setting, agent) in enumerate(sorted(means))}

    def _front_of_means(self) -> list[tuple[int, dict[str, str]]]:
        means = {agent: self._means(agent) for agent in self.plan.settings}
        found = search(graph.Choice(self.structures), means, parallel=self.plan.width is None)
        agents = {
            slot: agent for step in self.structures for slot, agent in graph.slots(step).items()
        }
        return [
            (
                int(found.structure[point]),
                {
                    slot: self.plan.settings[agents[slot]][index]
                    for slot, index in found.chosen(point).items()
                },
            )
            for point in range(len(found.front))
        ]

    def _evolved(self) -> tuple[list[tuple[int, dict[str, str]]], str]:
        """Return what an evolutionary search tried, settings of an agent in order of accuracy."""
        from pytest_compiledai.workflows import evolve

        rank = self._rank()
        ordered: dict[str, list[str]] = {}
        for agent, setting in sorted(rank, key=rank.__getitem__):
            ordered.setdefault(agent, []).append(setting)
        agents = [graph.slots(step) for step in self.structures]

        def settings(structure: int, chosen: Mapping[str, int]) -> dict[str, str]:
            return {slot: ordered[agents[structure][slot]][n] for slot, n in chosen.items()}

        space = evolve.Space(
            sizes=[{slot: len(ordered[agent]) for slot, agent in each.items()} for each in agents],
            figures=lambda structure, chosen: self._figures(structure, settings(structure, chosen)),
        )
        try:
            points = evolve.evolved(space)
        except ImportError:
            raise TooMany("this flow and no pymoo to search without one") from None
        found = [(n, settings(n, dict(zip(agents[n], by, strict=True)))) for n, by in points]
        return found, evolve.method()

    def _interval(
        self, structure: int, settings: Mapping[str, str], measured: Measured
    ) -> Interval:
        """Return each end of a configuration's accuracy, at the plan's confidence."""
        if self._is_joint(structure, settings):
            interval = one_sided(measured.accuracy, self.plan.confidence)
            return self._widened(measured, self._whatever(structure, settings, measured, interval))
        return bounds(
            self.structures[structure],
            lambda call, state: self._cell_interval(call.agent, settings[call.slot], state),
        )

    def _whatever(
        self, structure: int, settings: Mapping[str, str], measured: Measured, interval: Interval
    ) -> Interval:
        """Return the interval for whatever shape the spread between queries has.

        Where calls go beyond the stored samples, pairs of samples say how much queries differ and
        not how: each end moves by as much as the replay does with that extreme shape.
        """
        if not self._is_beyond(structure, settings):
            return interval
        mean = float(measured.accuracy.mean())
        step = self.structures[structure]
        found = [float(end.run(step, settings).score.mean()) for end in self.ends]
        return Interval(
            low=max(0.0, interval.low - max(0.0, mean - min(found))),
            high=min(1.0, interval.high + max(0.0, max(found) - mean)),
        )

    def _is_beyond(self, structure: int, settings: Mapping[str, str]) -> bool:
        """Return whether more calls share a slot than samples are stored; of one, none is drawn."""
        agents = graph.slots(self.structures[structure])
        calls = Counter(call.slot for call in graph.calls(self.structures[structure]))
        queries = len(self.profile.queries)
        cells = {slot: self.profile.cell(agents[slot], settings[slot]) for slot in calls}
        stored = {slot: int(cell.counts(queries).max()) for slot, cell in cells.items() if cell}
        return any(1 < count < calls[slot] for slot, count in stored.items())

    def _widened(self, measured: Measured, interval: Interval) -> Interval:
        mean = float(measured.accuracy.mean())
        return Interval(
            low=max(0.0, min(interval.low, mean - self.margin)),
            high=min(1.0, max(interval.high, mean + self.margin)),
        )

    def _is_joint(self, structure: int, settings: Mapping[str, str]) -> bool:
        """Return whether all calls were measured on all queries, so that errors are paired."""
        agents = graph.slots(self.structures[structure])
        return all(self._covers(agent, settings[slot]) for slot, agent in agents.items())

    def _covers(self, agent: str, setting: str) -> bool:
        if (agent, setting) not in self._covered:
            cell = self.profile.cell(agent, setting)
            queries = len(self.profile.queries)
            self._covered[agent, setting] = cell is None or bool(cell.counts(queries).all())
        return self._covered[agent, setting]

    def _cell_interval(self, agent: str, setting: str, state: str) -> Interval:
        """Return the accuracy of a setting on right inputs, or on wrong and malformed ones."""
        states = ("correct",) if state == "correct" else ("wrong", "malformed")
        found = []
        for name in states:
            cell = self.profile.cell(agent, setting, name)
            if cell is None:  # nothing is known of such inputs
                return Interval(low=0.0, high=1.0)
            _, where = np.unique(cell.query, return_inverse=True)
            means = np.bincount(where, weights=cell.score) / np.bincount(where)
            found.append(one_sided(means, self.plan.confidence))
        return Interval(low=min(i.low for i in found), high=max(i.high for i in found))

    def _means(self, agent: str) -> Means:
        cells = [self.profile.cell(agent, setting) for setting in self.plan.settings[agent]]
        return Means(
            np.array([cell.seconds.mean() if cell else math.inf for cell in cells]),
            np.array([cell.score.mean() if cell else 0.0 for cell in cells]),
        )

    def _kept(self, chosen: Sequence[tuple[int, dict[str, str]]]) -> Ints:
        """Return the undominated by lower end of accuracy, seconds and cost, by rising seconds."""
        return undominated_in_three(np.array([self._figures(*c) for c in chosen]).round(12))

    def _figures(self, structure: int, settings: Mapping[str, str]) -> tuple[float, float, float]:
        """Return what a configuration is compared by; less is better."""
        found = self.measure(structure, settings)
        low = self._interval(structure, settings, found).low
        return found.times()[self.plan.latency], float(found.cost.mean()), -low

    def _told(
        self, kept: Sequence[tuple[int, dict[str, str], Measured]], new_problems: int
    ) -> tuple[Configuration, ...]:
        strict = 1 - (1 - self.plan.confidence) / GATE_SHARE
        level = together([m.accuracy for _, _, m in kept], strict)
        width = len(str(len(kept)))
        return tuple(
            self._configuration(f"c{n:0{width}}", *item, level=level, new_problems=new_problems)
            for n, item in enumerate(kept, start=1)
        )

    def _configuration(
        self,
        name: str,
        structure: int,
        settings: dict[str, str],
        measured: Measured,
        *,
        level: float,
        new_problems: int,
    ) -> Configuration:
        mean = float(measured.accuracy.mean())
        own = self._interval(structure, settings, measured)
        if self._is_joint(structure, settings):
            own_level = share_interval(measured.accuracy, level)
            shaped = self._whatever(structure, settings, measured, own_level)
            wide = self._widened(measured, shaped)
        else:
            wide = own
        new = new_sample(wide, mean, new_problems, level)
        times = measured.times()
        return Configuration(
            id=name,
            label=graph.label(self.structures[structure]),
            structure=structure,
            settings=settings,
            accuracy=Range(mean, own.low, own.high),
            new_problems=Range(mean, new.low, new.high),
            seconds=times,
            p95=p95_range(measured.seconds, self.plan.confidence),
            cost=mean_range(measured.cost, self.plan.confidence),
        )


def one_sided(per_query: Floats, confidence: float) -> Interval:
    """Return the interval each end of which holds at ``confidence``."""
    return share_interval(per_query, 2 * confidence - 1)


def together(per_query: Sequence[Floats], confidence: float) -> float:
    """Return the level at which intervals of all rows hold at once with ``confidence``.

    The quantile over bootstrap resamples of the largest deviation in standard errors: rows that
    share their queries err together, so that this is far less than a correction for their number.
    """
    rows = np.stack(per_query)
    error = rows.std(axis=1, ddof=1 if rows.shape[1] > 1 else 0) / math.sqrt(rows.shape[1])
    drawn = bootstrap(rows, seed=0, resamples=2000)
    largest = (np.abs(drawn - rows.mean(axis=1)) / np.maximum(error, _LEAST_SE)).max(axis=1)
    z = max(float(np.quantile(largest, confidence)), NormalDist().inv_cdf((1 + confidence) / 2))
    return 2 * NormalDist().cdf(min(z, 6.0)) - 1


def p95_range(seconds: Floats, confidence: float) -> Range:
    """Return the 95th percentile of seconds [R, Q], its interval by ranks of Q queries."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    half = z * math.sqrt(0.95 * 0.05 / seconds.shape[-1])
    levels = (0.95, max(0.0, 0.95 - half), min(1.0, 0.95 + half))
    return Range(*map(float, np.quantile(seconds, levels)))


def mean_range(values: Floats, confidence: float) -> Range:
    """Return the mean of ``values`` [Q] and its normal interval, from 0."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    mean = float(values.mean())
    half = z * float(values.std()) / math.sqrt(len(values))
    return Range(mean, max(0.0, mean - half), mean + half)


def undominated_in_three(figures: Floats) -> Ints:
    """Return the indices of rows [N, 3] that no other row is as good as in all, less is better.

    Sorted by the first figure; of equal rows the first.
    """
    order = np.lexsort((np.arange(len(figures)), figures[:, 2], figures[:, 1], figures[:, 0]))
    kept: list[int] = []
    front = np.empty((0, 3))
    for index in order:
        # What comes later is no better in the first figure, so it can only be dominated.
        if not (front <= figures[index]).all(axis=1).any():
            kept.append(int(index))
            front = np.vstack([front, figures[index]])
    return np.array(kept)
