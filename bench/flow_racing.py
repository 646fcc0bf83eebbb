"""Racing against the full grid, replayed on stored answers: calls saved, choices changed."""

from __future__ import annotations

import numpy as np

from bench.flow_spaces import Answers
from pytest_compiledai.workflows.racing import Measure
from pytest_compiledai.workflows.racing import race

#: A choice is the grid's when it is within half a point of accuracy or two percent of seconds.
POINTS, PERCENT = 0.005, 0.02


def compared(of: Answers, seed: int, targets: int) -> dict[str, float]:
    """Return the share of the grid's calls, whether every choice is the grid's, all bounds true."""
    accuracy, seconds = of.right.mean(axis=1), of.seconds.mean(axis=1)
    wanted = np.linspace(np.quantile(accuracy, 0.3), np.quantile(accuracy, 0.95), targets)
    settings, queries = of.right.shape
    raced = race(
        measuring(of), settings=settings, queries=queries, targets=wanted.tolist(), seed=seed
    )
    same = []
    for target, chosen in zip(wanted, raced.chosen, strict=True):
        able = np.flatnonzero(accuracy >= target - 1e-9)
        grid = able[seconds[able].argmin()]
        same.append(
            chosen is not None
            and (
                abs(accuracy[chosen] - accuracy[grid]) <= POINTS
                or abs(seconds[chosen] / seconds[grid] - 1) <= PERCENT
            )
        )
    true = [
        stop.accuracy[0] - 1e-9 <= accuracy[stop.setting] <= stop.accuracy[1] + 1e-9
        for stop in raced.stops
    ]
    return {
        "calls": 100 * raced.calls / raced.grid,
        "same": 100.0 * all(same),
        "certificates": 100.0 * all(true),
    }


def measuring(of: Answers) -> Measure:
    """Return what measures a setting on queries: its stored answers."""
    return lambda setting, queries: (
        of.right[setting, queries].astype(float),
        of.seconds[setting, queries],
    )
