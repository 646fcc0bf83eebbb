"""Worlds whose truth is known: how far from it a composition of few samples lands.

Queries differ in difficulty, agents in ability, and each pair has a chance of its own, so that
errors go together as they do in real logs. Nothing of the package's model is assumed: chances are
logistic, two-point or Beta, and the package fits Beta moments.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from bench.flow_score import targets
from pytest_compiledai.workflows.front import undominated
from pytest_compiledai.workflows.intervals import share_interval
from pytest_compiledai.workflows.moments import beta
from pytest_compiledai.workflows.moments import moments

POPULATION = 6000


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
    """Return the mean absolute error in points of the chance of one right of ``k``, by family.

    Truth is the mean over a large population; ``samples`` of each of ``queries`` are seen.
    """
    found = {}
    for name, family in chances().items():
        errors: dict[str, list[float]] = {"published": [], "per query": []}
        for world in range(worlds):
            rng = np.random.default_rng([world, k])
            p = family(rng, POPULATION)
            truth = float((1 - (1 - p) ** k).mean())
            seen = rng.choice(p, queries, replace=False)
            right = rng.binomial(samples, seen)
            estimate = moments(right, np.full(queries, samples))
            assert estimate is not None
            errors["per query"].append(beta(estimate).any_of(k) - truth)
            errors["published"].append(1 - (1 - right.mean() / samples) ** k - truth)
        found[name] = {
            method: 100 * float(np.abs(values).mean()) for method, values in errors.items()
        }
    return found


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


def missed(
    worlds: int, *, queries: int, samples: int, confidence: float
) -> dict[str, dict[str, float]]:
    """Return how often the fastest configuration predicted to reach a target misses it.

    All chains of one, two and (drawn) three different settings; targets from 0.7 to 0.95.
    """
    found: dict[str, list[dict[str, float]]] = {}
    for seed in range(worlds):
        of = world(seed, queries, samples)
        n = len(of.chance)
        pairs = list(itertools.permutations(range(n), 2))
        rng = np.random.default_rng(seed)
        triples = [rng.choice(n, 3, replace=False).tolist() for _ in range(3000)]
        chains = np.array([[i, -1, -1] for i in range(n)] + [[*p, -1] for p in pairs] + triples)
        true = averaged(of.chance, of.seconds, chains)
        guess, seconds = chained(of.right, of.seconds[:, of.seen], chains)
        mean = np.where(chains >= 0, of.right.mean(axis=1)[chains], 0.0)
        reach = undominated(true[1], true[0])
        wanted = np.linspace(0.7, min(0.95, true[0][reach].max()), 26)
        low = np.array([share_interval(row, 2 * confidence - 1).low for row in guess])
        bounds = {
            "published": 1 - np.prod(1 - mean, axis=1),
            "per query": guess.mean(axis=1),
            "per query, lower bound": low,
        }
        for method, bound in bounds.items():
            figures = targets(bound, seconds.mean(axis=1), true[0], true[1], wanted)
            found.setdefault(method, []).append(figures)
    return {
        method: {key: float(np.nanmean([row[key] for row in rows])) for key in rows[0]}
        for method, rows in found.items()
    }
