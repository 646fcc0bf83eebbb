"""How good the best kernel is after so many measurements, by the order in which they are taken."""

from __future__ import annotations

import random
from collections.abc import Sequence

#: Measurements at which the regret is told.
BUDGETS = (4, 8, 16)
SEEDS = 20


def best_after(order: Sequence[int], times: Sequence[float], budget: int) -> int:
    """Return the place of the fastest of the first ``budget``; of equal ones the lower place."""
    return min(order[:budget], key=lambda place: (times[place], place))


def regret(order: Sequence[int], times: Sequence[float], budget: int) -> float:
    """Return by what share the best of the first ``budget`` is slower than the best of all."""
    return times[best_after(order, times, budget)] / min(times) - 1.0


def shuffled(count: int, seed: int) -> list[int]:
    """Return the places in an order of chance."""
    order = list(range(count))
    random.Random(seed).shuffle(order)
    return order


def mean_regret(times: Sequence[float], budget: int) -> tuple[float, float]:
    """Return the mean and the worst regret of orders of chance."""
    found = [regret(shuffled(len(times), seed), times, budget) for seed in range(SEEDS)]
    return sum(found) / SEEDS, max(found)
