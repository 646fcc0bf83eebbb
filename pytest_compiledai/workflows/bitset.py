"""Per-query enumeration with bits: a query a bit, 64 to a word, right where it is set.

It counts, for every pair of two groups of configurations, the queries that at least one of them
gets right. No pair is skipped on an assumption: one is dropped only when another that was counted
is as fast or faster and right on more queries.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pytest_compiledai.workflows.profile import Floats
from pytest_compiledai.workflows.profile import Ints

Words = NDArray[np.uint64]

_BLOCK: Final = 256  # configurations of each side at once: 256 x 256 words stay in the cache


class Group(NamedTuple):
    """Configurations: which queries each gets right, and how long it takes."""

    words: Words  # [W, N]
    seconds: Floats  # [N]


class Pairs(NamedTuple):
    """The undominated pairs of two groups, by rising seconds."""

    first: Ints
    second: Ints
    seconds: Floats
    right: Ints  # queries


def pack(right: NDArray[np.bool_]) -> Words:
    """Return ``right`` [N, Q] as words [W, N], zeros after the last query."""
    padded = np.zeros((right.shape[0], -(-right.shape[1] // 64) * 64), dtype=bool)
    padded[:, : right.shape[1]] = right
    return np.ascontiguousarray(np.packbits(padded, axis=1, bitorder="little").view("<u8").T)


def any_of(a: Words, b: Words) -> NDArray[np.uint16]:
    """Return how many queries one of each pair gets right, [N, M]; at most 65,535 queries."""
    found = np.zeros((a.shape[1], b.shape[1]), dtype=np.uint16)
    for word_a, word_b in zip(a, b, strict=True):
        found += np.bitwise_count(word_a[:, None] | word_b[None, :])
    return found


def best_pairs(a: Group, b: Group, *, fast: bool = False) -> Pairs:
    """Return the undominated pairs of all of ``a`` with all of ``b``, whose times add up.

    ``fast`` counts with numba, which has to be installed.
    """
    if fast:
        from pytest_compiledai.workflows.bitset_fast import survivors  # the extra `numba`

        rows = _undominated(survivors(a, b))
    else:
        rows = _counted(a, b)
    whole = rows[[0, 1, 3]].astype(np.int64)
    return Pairs(whole[0], whole[1], rows[2], whole[2])


def _counted(a: Group, b: Group) -> Floats:
    """Return the undominated pairs as rows: index, index, seconds, right queries."""
    queries = a.words.shape[0] * 64
    quickest = np.full(queries + 2, np.inf)  # by right queries or more: the seconds reached
    kept: list[Floats] = []
    for i, j in _blocks(a.words.shape[1], b.words.shape[1]):
        right = any_of(a.words[:, i], b.words[:, j])
        seconds = a.seconds[i][:, None] + b.seconds[j][None, :]
        x, y = np.nonzero(seconds < quickest[right])
        if len(x):
            rows = np.stack([x + i.start, y + j.start, seconds[x, y], right[x, y]])
            kept = [_undominated(np.concatenate([*kept, rows], axis=1))]
            quickest = np.full(queries + 2, np.inf)
            np.minimum.at(quickest, kept[0][3].astype(np.int64), kept[0][2])
            quickest = np.minimum.accumulate(quickest[::-1])[::-1]
    return kept[0]


def _blocks(n: int, m: int) -> Iterator[tuple[slice, slice]]:
    for i in range(0, n, _BLOCK):
        for j in range(0, m, _BLOCK):
            yield slice(i, min(i + _BLOCK, n)), slice(j, min(j + _BLOCK, m))


def _undominated(rows: Floats) -> Floats:
    order = np.lexsort((rows[1], rows[0], -rows[3], rows[2]))
    right = rows[3, order]
    rises = np.r_[True, right[1:] > np.maximum.accumulate(right)[:-1]]
    return np.asarray(rows[:, order[rises]])
