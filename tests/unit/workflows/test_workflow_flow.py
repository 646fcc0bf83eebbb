"""The `flow:` of a spec: every form becomes its step, and what is amiss is told."""

from __future__ import annotations

import pytest

from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.place import Place
from pytest_compiledai.workflows import graph
from pytest_compiledai.workflows.flowspec import read_flow
from pytest_compiledai.workflows.graph import Call
from pytest_compiledai.workflows.plan import Plan
from pytest_compiledai.workflows.plan import assignments

A, B, C = (Call(name, name) for name in "abc")


def read(data):
    return read_flow(data, lambda *way: Place(path="/".join(map(str, way))), ["a", "b", "c"])


@pytest.mark.parametrize(
    ("data", "step"),
    [
        ("a", A),
        ({"sequence": ["a", "b"]}, graph.Sequence((A, B))),
        ({"join": ["a", "b"]}, graph.Join((A, B))),
        ({"choice": ["a", "b"]}, graph.Choice((A, B))),
        ({"vote": {"of": "a", "copies": 3}}, graph.Vote((A, A, A))),
        (
            {"vote": {"of": "a", "copies": 2, "settings": "own"}},
            graph.Vote((Call("a", "a.1"), Call("a", "a.2"))),
        ),
        (
            {"vote": {"of": "a", "copies": [1, 3]}},
            graph.Choice((A, graph.Vote((A, A, A)))),
        ),
        ({"best": {"of": ["a", "b"], "judge": "c"}}, graph.Best((A, B), C)),
        (
            {"route": {"by": "a", "to": {"x": "b", "y": "c"}}},
            graph.Route(A, ("x", "y"), (B, C)),
        ),
        ({"cascade": {"first": "a", "gate": "b", "then": "c"}}, graph.Cascade(A, C, B, 0.0)),
        (
            {"loop": {"first": "a", "check": "b", "mend": "c", "most": 3}},
            graph.Loop((A, C, C), (B, B)),
        ),
        ({"loop": {"first": "a", "most": 2}}, graph.Loop((A, A), (), mends=False)),
        ({"map": {"each": "a", "items": 2}}, graph.Map((A, A), "all", 2)),
    ],
)
def test_every_form_becomes_its_step(data, step):
    """What is written is what is composed."""
    assert step == read(data)


@pytest.mark.parametrize(
    ("data", "where"),
    [
        ("x", ""),
        (None, ""),
        ({"vote": {"of": "a"}}, "vote/copies"),
        ({"vote": {"of": "a", "copies": [3, 3]}}, "vote/copies"),
        ({"vote": {"of": "a", "copies": [3, 65]}}, "vote/copies"),
        ({"vote": {"of": ["a", "b"], "copies": 2}}, "vote/copies"),
        ({"vote": {"of": ["a"]}}, "vote/of"),
        ({"best": {"of": ["a", "b"]}}, "best"),
        ({"route": {"by": "a", "to": {"x": "b"}}}, "route/to"),
        ({"cascade": {"first": "a", "then": "b"}}, "cascade"),
        ({"cascade": {"first": "a", "agree": 0.5, "then": "b"}}, "cascade/first"),
        ({"cascade": {"first": "a", "agree": 2, "then": "b"}}, "cascade/agree"),
        ({"loop": {"first": "a", "most": 1}}, "loop/most"),
        ({"map": {"each": "a", "items": 2, "keep": "some"}}, "map/keep"),
        ({"map": {"each": "a", "items": 2, "width": 3}}, "map/width"),
        ({"sequence": ["a", {"join": ["a"]}]}, "sequence/1/join"),
    ],
)
def test_what_is_amiss_is_told_with_its_place(data, where):
    """An error names the key, and where to read on."""
    with pytest.raises(SpecError) as caught:
        read(data)

    assert (where, True) == (str(caught.value.where), "docs/workflows.md" in caught.value.next)


def test_choices_become_structures_once():
    """Nested choices are multiplied out, and equal structures are one."""
    step = read({"sequence": [{"choice": ["a", "b", "a"]}, {"choice": ["c", "b"]}]})

    assert ["sequence(a, c)", "sequence(a, b)", "sequence(b, c)", "sequence(b, b)"] == [
        graph.label(structure) for structure in graph.structures(step)
    ]


def test_branches_that_can_trade_places_are_set_in_one_order():
    """Of three own settings out of four there are 20 choices, the better ranked first."""
    (step,) = graph.structures(read({"vote": {"of": "a", "copies": 3, "settings": "own"}}))
    settings = ("s", "t", "u", "v")
    plan = Plan(
        flow=step, settings={"a": settings}, latency="p95", width=None, confidence=0.9, wishes={}
    )
    rank = {("a", setting): place for place, setting in enumerate(reversed(settings))}

    found = [tuple(chosen.values()) for chosen in assignments(step, plan, rank)]

    assert 20 == len(set(found)) == len(found)
    assert ("v", "t", "s") in found


def test_calls_of_an_agent_take_different_draws():
    """Within a structure every call of an agent has a draw of its own, first ones first."""
    (step,) = graph.structures(read({"join": ["a", {"vote": {"of": "a", "copies": 2}}, "b"]}))

    assert [("a", 0), ("a", 1), ("a", 2), ("b", 0)] == [
        (call.agent, call.draw) for call in graph.calls(step)
    ]
