"""The graph lint tells each planted fault, and says nothing of a sound flow."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_compiledai.dialogues.exploring import Explored
from pytest_compiledai.dialogues.lint import lint
from pytest_compiledai.dialogues.spec import DialogueSpec


def test_a_sound_flow_has_no_fault(table: DialogueSpec) -> None:
    """Nothing is told of a flow without faults."""
    assert [] == list(lint(table.flow))


@pytest.mark.parametrize(
    ("rule", "old", "new"),
    [
        ("circle", "- {to: done}", "- {to: check}"),
        ("guard", "party > 8", "not city"),
        ("guard", "party > 8", "party > 8 and party < 8"),
        ("slot", "  quit: {", "  quit: {holdout: [done], "),
        ("intent", "anywhere: {quit: bye}\n", ""),
        ("escape", "anywhere: {quit: bye}\n", ""),
        ("ambiguous", "stop, forget it", "stop, book a table"),
        ("unreachable", "      - {when: party > 8, to: human}\n", ""),
        ("unset", "say: [which city]", 'say: ["which city, {party}"]'),
        ("success", "terminal: success", "terminal: escalation"),
        ("dead-end", "quit: bye}\nnodes", "quit: greet}\nnodes"),
    ],
)
def test_a_planted_fault_is_told(
    read: Callable[[str], DialogueSpec], table_text: str, rule: str, old: str, new: str
) -> None:
    """Each rule finds the flow in which its fault was planted."""
    text = table_text.replace(old, new, 1)
    if rule == "slot":
        text = text.replace("slots:\n", "slots:\n  fare: {values: [low]}\n", 1)
    if rule == "dead-end":
        text = text.replace("give_party: check}", "give_party: ask_party}", 1)
        text = text.replace("give_city: check}", "give_city: ask_city}", 1)
        text = text.replace("book: check", "book: greet", 1)
    assert text != table_text

    assert rule in {fault.rule for fault in lint(read(text).flow)}


def test_walks_cover_every_edge(table: DialogueSpec) -> None:
    """Walks to terminals take every edge that can be taken."""
    explored = Explored(table.flow)

    assert len(explored.edges) == 6
    assert set(explored.terminal_walks()) == {"done", "human", "bye"}
    taken = {move.intent for walk in explored.edge_walks() for move in walk}
    assert taken == set(table.flow.intents)
