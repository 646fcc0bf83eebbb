"""Finds the demonstrations nearest to a task, by several keys at once.

The score of a demonstration is the mean, over the keys that the task has, of the inner products of
its vectors with the task's; one that lacks a key gets that key's worst score. Source: Sarukkai et
al., arXiv 2505.00234, whose retrieval arXiv 2512.02543 builds on.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from operator import mul
from typing import NamedTuple

from pytest_compiledai.distill.embedding import Embedder
from pytest_compiledai.distill.embedding import Vector
from pytest_compiledai.distill.trace import Trace

#: Decimals of a score that count: the last bits of an encoder differ from machine to machine.
_DECIMALS = 6


class Hit(NamedTuple):
    """A step of a trajectory."""

    trace: int
    step: int


def hits(traces: Sequence[Trace]) -> list[Hit]:
    """Return every step, in the order in which an index holds them."""
    return [Hit(t, s) for t, trace in enumerate(traces) for s in range(len(trace.steps))]


@dataclass(frozen=True, slots=True)
class Index:
    """The vectors of every step under every key; a row of zeros where a step lacks the key."""

    steps: tuple[Hit, ...]
    matrices: Mapping[str, Sequence[Vector]]  # key -> [steps, dimensions]

    def nearest(self, task: Mapping[str, Vector], k: int) -> list[Hit]:
        """Return the best step of the ``k`` best trajectories, the nearest first."""
        asked = [self._scores(self.matrices[key], task[key]) for key in sorted(task)]
        if not asked:
            return []
        scores = [round(sum(of) / len(of), _DECIMALS) for of in zip(*asked, strict=True)]
        found: dict[int, Hit] = {}
        for at in sorted(range(len(scores)), key=lambda at: (-scores[at], at)):
            found.setdefault(self.steps[at].trace, self.steps[at])
            if len(found) == k:
                break
        return list(found.values())

    def _scores(self, matrix: Sequence[Vector], vector: Vector) -> list[float]:
        scores = [sum(map(mul, row, vector)) if any(row) else None for row in matrix]
        worst = min((score for score in scores if score is not None), default=0.0)
        return [worst if score is None else score for score in scores]


def index_of(traces: Sequence[Trace], keys: Sequence[str], embedder: Embedder) -> Index:
    """Return the index of ``traces`` under ``keys``. Raises ``ToolError``."""
    steps = tuple(hits(traces))
    texts = {key: [traces[t].key(key, s) for t, s in steps] for key in keys}
    known = sorted({text for column in texts.values() for text in column if text is not None})
    vectors = dict(zip(known, embedder.vectors(known), strict=True)) if known else {}
    zeros = (0.0,) * len(next(iter(vectors.values()), ()))
    matrices = {
        key: [zeros if text is None else vectors[text] for text in column]
        for key, column in texts.items()
    }
    return Index(steps=steps, matrices=matrices)
