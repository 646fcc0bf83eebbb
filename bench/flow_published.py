"""The published composition of means, re-implemented from its published semantics.

FlowCompile (arXiv 2605.13647; UMass-Embodied-AGI/FlowCompile at commit f206804): each sub-agent has
one mean accuracy; steps one after the other multiply, branches of which one has to be right give
1 - (1-p1)(1-p2)..., an ensemble multiplies that by its own accuracy, times add up. No line of its
code is used.
"""

from __future__ import annotations

import itertools

import numpy as np


def any_right(means: np.ndarray) -> np.ndarray:
    """Return the accuracy of groups [N, n] of branches with these mean accuracies."""
    return 1 - np.prod(1 - means, axis=1)


def majority(means: np.ndarray) -> np.ndarray:
    """Return the chance that more than half of independent voters [N, n] are right.

    Not the published formula: the usual textbook alternative, beside it in the tables.
    """
    n = means.shape[1]
    total = np.zeros(len(means))
    for right in itertools.product((0, 1), repeat=n):
        if 2 * sum(right) > n:
            mask = np.array(right, dtype=bool)
            total += np.prod(np.where(mask, means, 1 - means), axis=1)
    return total


def cascade(first: np.ndarray, accepted: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the accuracy of a conditional step: each branch's mean times its mean frequency."""
    return accepted * first + (1 - accepted) * second
