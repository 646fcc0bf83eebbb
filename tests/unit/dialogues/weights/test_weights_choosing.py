"""What production makes of the shares that weights give: code decides what slots decide."""

from __future__ import annotations

import pytest

from pytest_compiledai.dialogues import machine
from pytest_compiledai.dialogues.spec import DialogueSpec
from pytest_compiledai.dialogues.weights.talking import best
from pytest_compiledai.dialogues.weights.talking import following


def test_the_share_of_a_node_that_slots_rule_out_is_its_edges(table: DialogueSpec) -> None:
    """Who books and states the city is not asked for it, however likely that is."""
    state, _ = machine.start(table.flow)
    after = following(table.flow, state, "a table in boston")

    node, share = best(after, {"ask_city": 0.9, "ask_party": 0.05, "bye": 0.04})

    assert node == "ask_party"
    assert share == pytest.approx(0.95)


def test_the_share_of_a_node_that_two_edges_lead_to_is_nobodys(table: DialogueSpec) -> None:
    """What may as well be said for another edge counts for none."""
    nodes = {**table.flow.nodes}
    edges = nodes["greet"].edges
    human = type(edges[0])(intent="give_party", to="ask_city")
    nodes["greet"] = type(nodes["greet"])(name="greet", say=("hello",), edges=(*edges, human))
    flow = type(table.flow)(
        name="table", start="greet", nodes=nodes, intents=table.flow.intents, slots=table.flow.slots
    )
    state, _ = machine.start(flow)

    node, share = best(following(flow, state, "a table in boston"), {"ask_city": 0.9, "bye": 0.04})

    assert (node, share) == ("bye", 0.04)


def test_where_no_edge_may_follow_nothing_is_chosen(table: DialogueSpec) -> None:
    """No node has no share."""
    assert best({}, {"bye": 0.9}) == ("", 0.0)
