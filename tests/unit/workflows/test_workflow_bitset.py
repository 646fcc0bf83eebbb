"""Per-query enumeration: counts and fronts are those of plain loops."""

from __future__ import annotations

import itertools

import pytest

np = pytest.importorskip("numpy", reason="the extra `workflows` is not installed")

from pytest_compiledai.workflows.bitset import Group  # noqa: E402
from pytest_compiledai.workflows.bitset import any_of  # noqa: E402
from pytest_compiledai.workflows.bitset import best_pairs  # noqa: E402
from pytest_compiledai.workflows.bitset import pack  # noqa: E402


def drawn(seed, configurations, queries):
    """Return right answers and few different times, so that ties are common."""
    rng = np.random.default_rng(seed)
    right = rng.random((configurations, queries)) < rng.random((configurations, 1))
    return right, rng.integers(1, 6, configurations).astype(float)


def plain(a, b):
    """Return the undominated (seconds, right) of all pairs."""
    (right_a, seconds_a), (right_b, seconds_b) = a, b
    pairs = {
        (seconds_a[i] + seconds_b[j], int((right_a[i] | right_b[j]).sum()))
        for i, j in itertools.product(range(len(right_a)), range(len(right_b)))
    }
    beats = [(p, q) for p in pairs for q in pairs if p != q and q[0] <= p[0] and q[1] >= p[1]]
    return sorted(pairs - {p for p, _ in beats})


@pytest.mark.parametrize("queries", [1, 63, 64, 65, 200])
def test_counts_are_those_of_loops(queries):
    """Bits after the last query count for nobody."""
    (a, _), (b, _) = drawn(1, 7, queries), drawn(2, 5, queries)

    assert [[int((x | y).sum()) for y in b] for x in a] == any_of(pack(a), pack(b)).tolist()


@pytest.mark.parametrize("fast", [False, True], ids=["numpy", "numba"])
@pytest.mark.parametrize(("seed", "queries"), [(0, 40), (1, 300), (2, 100)])
def test_no_undominated_pair_is_missed(fast, seed, queries):
    """The front is that of all pairs, and each of its pairs has the figures it is listed with."""
    if fast:
        pytest.importorskip("numba", reason="the extra `numba` is not installed")
    a, b = drawn(seed, 60, queries), drawn(seed + 10, 50, queries)

    found = best_pairs(Group(pack(a[0]), a[1]), Group(pack(b[0]), b[1]), fast=fast)

    assert plain(a, b) == list(zip(found.seconds.tolist(), found.right.tolist(), strict=True))
    for first, second, right in zip(found.first, found.second, found.right, strict=True):
        assert right == (a[0][first] | b[0][second]).sum()
