"""What production makes of the shares that weights give: code decides what slots decide."""

from __future__ import annotations

import pytest

from pytest_compiledai.dialogues import machine
from pytest_compiledai.dialogues.spec import DialogueSpec
from pytest_compiledai.dialogues.weights.talking import best
from pytest_compiledai.dialogues.weights.talking import following
from pytest_compiledai.dialogues.weights.threshold import MOST
from pytest_compiledai.dialogues.weights.threshold import Answer
from pytest_compiledai.dialogues.weights.threshold import threshold


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


def _answers(wrong: dict[int, int]) -> list[Answer]:
    """Return 250 turns of each of four parts, of which the least sure ones are wrong."""
    return [
        Answer(share=0.999 - number / 1000, right=number < 250 - wrong.get(fold, 0), fold=fold)
        for fold in range(4)
        for number in range(250)
    ]


def test_errors_between_the_same_carriers_ask_for_more_sureness() -> None:
    """As many errors are worse in one part of the carriers than spread over all of them."""
    spread = threshold(_answers(dict.fromkeys(range(4), 2)), 0.98)

    assert spread == pytest.approx(0.75)
    assert threshold(_answers({0: 8}), 0.98) > spread


def test_answers_that_are_never_right_often_enough_are_not_given() -> None:
    """Where the surest answer is wrong, next to nothing is answered."""
    answers = [Answer(share=0.9, right=number % 2 == 0, fold=number % 4) for number in range(80)]

    assert threshold(answers, 0.99) == MOST
