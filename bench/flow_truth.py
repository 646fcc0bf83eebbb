"""Worlds whose truth is known: how far from it a composition of few samples lands.

Queries differ in difficulty, agents in ability, and each pair has a chance of its own, so that
errors go together as they do in real logs. Nothing of the package's model is assumed: chances are
logistic, two-point or Beta, and the package fits Beta moments.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import lru_cache
from functools import partial
from typing import NamedTuple

import numpy as np

from bench.flow_score import targets
from pytest_compiledai.workflows.front import undominated
from pytest_compiledai.workflows.intervals import share_bounds
from pytest_compiledai.workflows.moments import Moments
from pytest_compiledai.workflows.moments import any_of as range_of
from pytest_compiledai.workflows.moments import beta
from pytest_compiledai.workflows.moments import moments
from pytest_compiledai.workflows.tradeoffs import price

POPULATION = 6000
LEVELS = (0.8, 0.85, 0.9, 0.95)  # of a lower bound


def chances() -> dict[str, Callable[[np.random.Generator, int], np.ndarray]]:
    """Return ways in which a query's chance of a right answer differs between queries."""
    return {
        "beta": lambda rng, n: rng.beta(*rng.uniform(0.3, 3, 2), n),
        "logistic": lambda rng, n: 1 / (1 + np.exp(-rng.normal(rng.uniform(-1, 2), 2.0, n))),
        "two points": lambda rng, n: np.where(rng.random(n) < rng.uniform(0.2, 0.8), 0.9, 0.15),
        "solved or not": lambda rng, n: np.where(
            rng.random(n) < 0.3, rng.random(n), rng.random(n) < 0.6
        ),
    }


def any_of(k: int, samples: int, worlds: int, queries: int) -> dict[str, dict[str, float]]:
    """Return errors in points of the chance of one right of ``k``, by family of populations.

    Truth is the mean over a large population; ``samples`` of each of ``queries`` are seen.
    `same calls` is the error of ``k`` samples of fewer queries. Two samples tell two moments:
    `open` is half the range of the chances that have the population's, `no less` half the gap to a
    Beta with them, which no estimate can be nearer to in both. `held` says how often truth is
    within the range of what was seen, widened by what queries and samples may move (percent).
    """
    found = {}
    for name, family in chances().items():
        rows = [_one_world(family, k, samples, seed, queries) for seed in range(worlds)]
        found[name] = {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
    return found


def _one_world(
    family: Callable[[np.random.Generator, int], np.ndarray],
    k: int,
    samples: int,
    seed: int,
    queries: int,
) -> dict[str, float]:
    rng = np.random.default_rng([seed, k])
    p = family(rng, POPULATION)
    truth = float((1 - (1 - p) ** k).mean())
    seen = rng.choice(p, queries, replace=False)
    right = rng.binomial(samples, seen)
    estimate = moments(right, np.full(queries, samples))
    assert estimate is not None
    few = seen[: samples * queries // k]
    low, high = range_of(estimate, k)
    true = Moments(float(p.mean()), float((p**2).mean()))
    least, most = range_of(true, k)
    error = spread(right, samples, k, seed)
    return {
        "published": 100 * abs(1 - (1 - right.mean() / samples) ** k - truth),
        "per query": 100 * abs(beta(estimate).any_of(k) - truth),
        "same calls": 100 * abs(float((rng.binomial(k, few) > 0).mean()) - truth),
        "open": 50 * (most - least),
        "no less": 50 * abs(beta(true).any_of(k) - truth),
        "held": 100.0 * (low - error <= truth <= high + error),
    }


def spread(right: np.ndarray, samples: int, k: int, seed: int) -> float:
    """Return how far an end of the range moves with other queries, at 90 % to one side."""
    rng = np.random.default_rng([seed, k, 1])
    counts = rng.multinomial(
        len(right), np.bincount(right, minlength=samples + 1) / len(right), size=200
    )
    c = np.arange(samples + 1)
    shares = counts / len(right)
    m1, m2 = shares @ (c / samples), shares @ (c * (c - 1) / (samples * (samples - 1)))
    ends = np.array([range_of(Moments(*pair), k) for pair in zip(m1, m2, strict=True)])
    return float(1.2816 * ends.std(axis=0).max())


class World(NamedTuple):
    """Agents at settings, on all queries and on those that were profiled."""

    chance: np.ndarray  # [S, population]
    seconds: np.ndarray  # [S, population]
    seen: np.ndarray  # indices of the profiled queries
    right: np.ndarray  # [S, Q] share of the samples


def world(seed: int, queries: int, samples: int, settings: int = 40) -> World:
    """Return a world of settings from small and fast to large and slow."""
    rng = np.random.default_rng(seed)
    ability = rng.uniform(-0.5, 3.0, settings)
    hard = rng.normal(0, 1.6, POPULATION)
    own = rng.normal(0, 0.8, (settings, POPULATION))
    chance = 1 / (
        1 + np.exp(-(rng.lognormal(0.2, 0.3, settings)[:, None] * (ability[:, None] - hard) + own))
    )
    pace = np.exp(0.7 * ability + rng.normal(0, 0.5, settings))
    seconds = pace[:, None] * np.exp(0.15 * hard + rng.normal(0, 0.2, (settings, POPULATION)))
    seen = rng.choice(POPULATION, queries, replace=False)
    return World(chance, seconds, seen, rng.binomial(samples, chance[:, seen]) / samples)


def chained(
    chance: np.ndarray, seconds: np.ndarray, chains: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return accuracy and seconds [N, Q] of tries one after the other until one is right."""
    still = np.ones((len(chains), chance.shape[1]))
    total = np.zeros_like(still)
    for step in range(chains.shape[1]):
        here = chains[:, step] >= 0
        total += np.where(here[:, None], still * seconds[chains[:, step]], 0)
        still *= np.where(here[:, None], 1 - chance[chains[:, step]], 1)
    return 1 - still, total


def averaged(chance: np.ndarray, seconds: np.ndarray, chains: np.ndarray) -> np.ndarray:
    """Return mean accuracy and seconds [2, N], a few chains at a time."""
    parts = [chained(chance, seconds, chains[i : i + 500]) for i in range(0, len(chains), 500)]
    return np.array([np.concatenate([part[j].mean(axis=1) for part in parts]) for j in (0, 1)])


class Picks(NamedTuple):
    """What a way of bounding accuracy has to pick from."""

    bound: np.ndarray  # [N]
    seconds: np.ndarray  # [N]
    #: A target and indices -> what their chances of missing it count.
    missing: Callable[[float, np.ndarray], np.ndarray] | None = None


@lru_cache(maxsize=256)
def truth(seed: int, settings: int, triples: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the chains of a world, and their accuracy and seconds over its whole population.

    All chains of one, two and (``triples`` drawn) three different settings.
    """
    of = world(seed, 1, 1, settings)
    pairs = list(itertools.permutations(range(settings), 2))
    rng = np.random.default_rng(seed)
    drawn = [rng.choice(settings, 3, replace=False).tolist() for _ in range(triples)]
    chains = np.array([[i, -1, -1] for i in range(settings)] + [[*p, -1] for p in pairs] + drawn)
    return chains, averaged(of.chance.astype(np.float32), of.seconds.astype(np.float32), chains)


def missed(
    worlds: int, *, queries: int, samples: int, settings: int = 40, triples: int = 1200
) -> dict[str, dict[str, float]]:
    """Return how often the fastest configuration predicted to reach a target misses it.

    Targets 0.7 to 0.95. `known chances` is what is lost to the draw of the queries alone, whatever
    is sampled of them. Targets of a world are missed together, so that figures of few worlds are
    rough: `give` is the standard error of `missed`.
    """
    found: dict[str, list[dict[str, float]]] = {}
    for seed in range(worlds):
        of = world(seed, queries, samples, settings)
        chains, true = truth(seed, settings, triples)
        reach = undominated(true[1], true[0])
        wanted = np.linspace(0.7, min(0.95, true[0][reach].max()), 26)
        for method, picks in ways(of, chains).items():
            figures = targets(
                picks.bound, picks.seconds, true[0], true[1], wanted, missing=picks.missing
            )
            found.setdefault(method, []).append(figures)
    return {
        method: {key: float(np.nanmean([row[key] for row in rows])) for key in rows[0]}
        | {"give": float(np.nanstd([row["missed"] for row in rows])) / math.sqrt(worlds)}
        for method, rows in found.items()
    }


def ways(of: World, chains: np.ndarray) -> dict[str, Picks]:
    """Return each way of bounding and picking; the prudent one is ``TradeOffs.prudent``'s rule."""
    guess, times = chained(of.right, of.seconds[:, of.seen], chains)
    seconds = times.mean(axis=1)
    mean = np.where(chains >= 0, of.right.mean(axis=1)[chains], 0.0)
    found = {
        "published": Picks(1 - np.prod(1 - mean, axis=1), seconds),
        "per query": Picks(guess.mean(axis=1), seconds),
    }
    by_level = {level: lows(guess, level) for level in LEVELS}
    for level, low in by_level.items():
        found[f"lower bound, {level:.0%}"] = Picks(low, seconds)
    for level in (0.8, 0.9):
        found[f"prudent, {level:.0%}"] = Picks(
            by_level[level], seconds, partial(missing, guess.mean(axis=1), by_level[level], level)
        )
    known, times = chained(of.chance[:, of.seen], of.seconds[:, of.seen], chains)
    for level in (0.8, 0.9):
        found[f"known chances, {level:.0%}"] = Picks(lows(known, level), times.mean(axis=1))
    return found


def missing(
    mean: np.ndarray, low: np.ndarray, level: float, target: float, some: np.ndarray
) -> np.ndarray:
    """Return what the chances count that ``some`` miss a target."""
    return np.array([price(target, mean[n], low[n], level) for n in some])


def lows(per_query: np.ndarray, level: float) -> np.ndarray:
    """Return the lower bounds [N] of the means of ``per_query`` [N, Q]."""
    return share_bounds(per_query, 2 * level - 1)[0]
