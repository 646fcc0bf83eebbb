"""Passes widen the space by structures that need no new measurement."""

from __future__ import annotations

import json

import pytest

from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.workflows import graph
from pytest_compiledai.workflows.graph import Call
from pytest_compiledai.workflows.passes import PASSES
from pytest_compiledai.workflows.passes import widened
from pytest_compiledai.workflows.plan import Plan
from pytest_compiledai.workflows.plan import affordable

A, B, C = (Call(name, name) for name in "abc")


def made(step, *passes):
    """Return the labels of what ``passes`` add to a flow."""
    before = graph.structures(step)
    return [graph.label(new) for new in widened(before, passes)[len(before) :]]


def test_a_loop_is_tried_with_fewer_tries():
    """Three tries are compared with two and with one; checks go with their tries."""
    loop = graph.Loop((A, C, C), (B, B))

    capped = widened([loop], ["retry-cap"])[1:]

    assert capped == (A, graph.Loop((A, graph.numbered(C)), (B,)))


def test_a_vote_is_tried_with_fewer_copies():
    """Five copies are compared with three and with one, never with two."""
    assert made(graph.Vote((A,) * 5), "vote-size") == ["a", "vote(3 x a)"]


def test_a_vote_of_different_branches_keeps_its_size():
    """Which of different branches to leave out is another question."""
    assert made(graph.Vote((A, B, C)), "vote-size", "cascade") == []


def test_a_pair_at_its_own_setting_comes_before_a_vote():
    """Two cheap calls that agree save the vote, or the one dear call."""
    labels = made(graph.Vote((A,) * 3), "cascade")

    assert labels == [
        "cascade(vote(2 x a.pair), a)",
        "cascade(vote(2 x a.pair), vote(3 x a))",
    ]


def test_passes_reach_into_a_sequence():
    """A vote inside a chain is shrunk where it stands, its draws numbered anew."""
    chain = graph.Sequence((graph.Vote((A,) * 3), A))

    (_, shrunk) = widened(graph.structures(chain), ["vote-size"])

    assert shrunk == graph.Sequence((A, Call("a", "a", draw=1)))


def test_a_gate_by_agreement_keeps_its_vote():
    """What looks at the share of a vote is not given a single call."""
    step = graph.Cascade(graph.Vote((A,) * 3), B, None, 0.6)

    assert all(
        isinstance(new.first, graph.Vote)
        for new in widened(graph.structures(step), PASSES)
        if isinstance(new, graph.Cascade) and new.gate is None
    )


def test_a_pass_that_would_make_the_space_too_large_is_left_out():
    """With eighty settings a cascade has 6,400 configurations a structure; the size has not."""
    plan = Plan(
        flow=graph.Vote((A,) * 3),
        settings={"a": tuple(f"m{n}" for n in range(80))},
        latency="p95",
        width=None,
        confidence=0.9,
        wishes={},
    )

    assert set(PASSES) - set(affordable(plan, PASSES)) == {"cascade"}


def test_the_artifact_names_its_passes_and_production_finds_its_structures(world):
    """What runs a configuration rebuilds the structures that its number points into."""
    from pytest_compiledai.workflows.kind import WorkflowKind
    from pytest_compiledai.workflows.running import structures_of
    from pytest_compiledai.workflows.tradeoffs import read_tradeoffs

    (data,) = WorkflowKind().propose(world.unit(), (), sample=0, asking=None).files.values()
    value = json.loads(data)
    steps = structures_of(read_tradeoffs(data))

    assert value["passes"] == list(PASSES)
    assert value["structures"] == [graph.label(step) for step in steps]
    assert "cascade(vote(2 x solver.pair), solver)" in value["structures"]


def test_passes_can_be_turned_off(world):
    """An empty list leaves the flow as it is written."""
    world.spec = world.spec.replace("choose:", "passes: []\nchoose:")

    assert world.unit().body.plan.passes == ()


def test_an_unknown_pass_is_an_error(world):
    """A pass that does not exist is told at its line."""
    world.spec = world.spec.replace("choose:", "passes: [inline]\nchoose:")

    with pytest.raises(SpecError, match="retry-cap"):
        world.unit()
