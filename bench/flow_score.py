"""What a prediction of a space is worth: error, order, front, regret, targets missed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pytest_compiledai.workflows.front import undominated

#: Accuracy a second is worth, as a share of the space's range: from hardly anything to a lot.
TRADES = np.linspace(0.02, 0.5, 13)


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Return the rank correlation, ties sharing their mean rank."""
    return float(np.corrcoef(_ranks(a), _ranks(b))[0, 1])


def _ranks(values: np.ndarray) -> np.ndarray:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts - 1) / 2)[inverse]


def hypervolume(seconds: np.ndarray, accuracy: np.ndarray, worst: float) -> float:
    """Return the area between accuracy 0 and the front, up to ``worst`` seconds."""
    kept = undominated(seconds, accuracy)
    ends = np.r_[seconds[kept][1:], worst]
    return float(((ends - seconds[kept]) * accuracy[kept]).sum())


def score(
    predicted: np.ndarray, seconds: np.ndarray, truth: np.ndarray, true_seconds: np.ndarray
) -> dict[str, float]:
    """Return the figures of a prediction; accuracies in points."""
    error = predicted - truth
    front = undominated(seconds, predicted)
    worst = float(true_seconds.max())
    reached = hypervolume(true_seconds[front], truth[front], worst)
    scale = np.log(true_seconds / true_seconds.min()) / np.log(worst / true_seconds.min())
    guess = np.log(seconds / seconds.min()) / np.log(seconds.max() / seconds.min())
    regret = [
        (truth - trade * scale).max()
        - (truth - trade * scale)[(predicted - trade * guess).argmax()]
        for trade in TRADES
    ]
    return {
        "mae": 100 * float(np.abs(error).mean()),
        "bias": 100 * float(error.mean()),
        "spearman": spearman(predicted, truth),
        "hypervolume": reached / hypervolume(true_seconds, truth, worst),
        "regret": 100 * float(np.mean(regret)),
        "front": float(len(front)),
    }


def targets(
    bound: np.ndarray,
    seconds: np.ndarray,
    truth: np.ndarray,
    true_seconds: np.ndarray,
    wanted: np.ndarray,
    *,
    missing: Callable[[float, np.ndarray], np.ndarray] | None = None,
) -> dict[str, float]:
    """Return how often the fastest configuration whose ``bound`` reaches a target misses it.

    Where ``missing`` tells what the chances of missing a target count, times are longer by as many
    e-folds.

    `extra` is its time over that of the fastest that really reaches the target, in percent;
    `unserved` the share of targets that no bound reaches.
    """
    missed, short, extra, unserved = [], [], [], 0
    for target in wanted:
        able = np.flatnonzero(bound >= target)
        best = np.flatnonzero(truth >= target)
        if not len(able) or not len(best):
            unserved += 1
            continue
        price = np.log(seconds[able])
        if missing is not None:
            able = able[price <= price.min() + 1]  # none counts more
            price = np.log(seconds[able]) + missing(target, able)
        chosen = able[price.argmin()]
        missed.append(truth[chosen] < target)
        short.append(max(0.0, target - truth[chosen]))
        extra.append(true_seconds[chosen] / true_seconds[best].min() - 1)
    return {
        "missed": 100 * float(np.mean(missed)) if missed else float("nan"),
        "short": 100 * float(np.mean(short)) if short else float("nan"),
        "extra": 100 * float(np.mean(extra)) if extra else float("nan"),
        "unserved": 100 * unserved / len(wanted),
    }
