"""Where a space is too large to replay, an evolutionary search finds trade-offs, repeatably."""

from __future__ import annotations

import itertools
import sys

import numpy as np
import pytest

from pytest_compiledai.workflows import compose
from pytest_compiledai.workflows import evolve
from pytest_compiledai.workflows.compose import undominated_in_three
from pytest_compiledai.workflows.evolve import Space
from pytest_compiledai.workflows.evolve import evolved

pytest.importorskip("pymoo", reason="the extra `evolve` is not installed")

SIZES = [{"a": 30}, {"a": 30, "b": 20, "c": 25}]  # 15,030 configurations


def figures(structure, chosen):
    """Return seconds, cost and lost accuracy that pull in different directions."""
    slow = sum((n + 1) ** 1.5 for n in chosen.values())
    cost = sum((n * 7) % 11 + n for n in chosen.values())
    lost = 1.0 / (1 + slow) + 0.1 * (structure == 0)
    return slow, float(cost), lost


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(evolve, "MOST_TRIED", 2_000)


def front(tried):
    """Return the undominated figures of a mapping."""
    found = np.array(list(tried.values()))
    return {tuple(row) for row in found[undominated_in_three(found)]}


def test_most_of_the_true_front_is_found_in_an_eighth_of_the_space(small):
    """What is found is undominated by all but a few of the points that enumeration finds."""
    space = Space(sizes=SIZES, figures=figures)
    evolved(space)
    every = {
        (structure, chosen): figures(structure, dict(zip(sizes, chosen, strict=True)))
        for structure, sizes in enumerate(SIZES)
        for chosen in itertools.product(*map(range, sizes.values()))
    }

    found, true = front(space.tried), front(every)

    assert len(space.tried) < len(every) / 6
    assert len(found & true) >= 0.6 * len(found)
    assert min(t[0] for t in found) == min(t[0] for t in true)


def test_the_same_points_are_tried_again(small):
    """Two searches of one space try the same points in the same order."""
    one, other = (Space(sizes=SIZES, figures=figures) for _ in range(2))

    assert evolved(one) == evolved(other)


def test_every_single_call_is_tried(small):
    """No search decides whether asking once at any setting is worth it."""
    space = Space(sizes=SIZES, figures=figures)
    evolved(space)

    assert {(0, (n,)) for n in range(30)} <= set(space.tried)


def test_a_large_flow_of_votes_is_searched_and_says_how(world, monkeypatch, small):
    """A space beyond what is replayed is no longer refused; its set names the search."""
    import json

    from pytest_compiledai.workflows.kind import WorkflowKind

    monkeypatch.setattr(compose, "MOST_REPLAYED", 1)
    monkeypatch.setattr(compose, "_ORDERS", 1)
    (data,) = WorkflowKind().propose(world.unit(), (), sample=0, asking=None).files.values()

    value = json.loads(data)
    assert value["method"] == evolve.method()
    assert value["configurations"]


def test_without_pymoo_it_is_refused(world, monkeypatch):
    """Nothing is left out silently: the error says what to install."""
    from pytest_compiledai.core.errors import ModelError
    from pytest_compiledai.workflows.kind import WorkflowKind

    monkeypatch.setattr(compose, "MOST_REPLAYED", 1)
    monkeypatch.setattr(compose, "_ORDERS", 1)
    monkeypatch.setitem(sys.modules, "pymoo", None)
    monkeypatch.setitem(sys.modules, "pymoo.algorithms.moo.nsga2", None)

    with pytest.raises(ModelError) as caught:
        WorkflowKind().propose(world.unit(), (), sample=0, asking=None)
    assert "[evolve]" in caught.value.next
