"""The oracle: steps along edges, routes by guards, nothing that the flow does not have."""

from __future__ import annotations

import pytest

from pytest_compiledai.dialogues import machine
from pytest_compiledai.dialogues.flow import Terminal
from pytest_compiledai.dialogues.spec import DialogueSpec


def walked(spec: DialogueSpec, *moves: tuple[str, dict[str, str | int]]) -> machine.Action:
    """Return the action after ``moves``."""
    state, action = machine.start(spec.flow)
    for intent, slots in moves:
        state, action = machine.step(spec.flow, state, intent, slots)
    return action


def test_a_conversation_reaches_success(table: DialogueSpec) -> None:
    """Slots are kept from turn to turn and fill what the agent says."""
    action = walked(
        table, ("book", {}), ("give_city", {"city": "boston"}), ("give_party", {"party": 2})
    )

    assert action == machine.Action(node="done", reply="2 in boston", terminal=Terminal.SUCCESS)


def test_what_is_known_is_not_asked(table: DialogueSpec) -> None:
    """A route skips the question whose slot is filled."""
    assert walked(table, ("book", {"city": "dallas"})).node == "ask_party"


def test_a_guard_on_a_number_routes(table: DialogueSpec) -> None:
    """A party above eight goes to a colleague."""
    action = walked(table, ("book", {"city": "dallas"}), ("give_party", {"party": 9}))

    assert action.terminal is Terminal.ESCALATION


def test_anywhere_is_legal_at_each_node(table: DialogueSpec) -> None:
    """A global intent leads on from every node that asks."""
    assert [node.edge("quit") is not None for node in table.flow.asking] == [True] * 3


@pytest.mark.parametrize(
    ("intent", "slots"),
    [("give_city", {"city": "boston"}), ("book", {"party": 2}), ("nonsense", {})],
)
def test_an_illegal_move_is_refused(
    table: DialogueSpec, intent: str, slots: dict[str, str | int]
) -> None:
    """Intents without an edge, and slots that an intent has not, are errors."""
    with pytest.raises(machine.IllegalMove):
        walked(table, (intent, slots))


def test_a_missing_slot_is_refused(table: DialogueSpec) -> None:
    """An intent whose every utterance states a slot cannot come without it."""
    with pytest.raises(machine.IllegalMove):
        walked(table, ("book", {}), ("give_city", {}))


def test_an_ended_conversation_goes_no_further(table: DialogueSpec) -> None:
    """No intent is legal at a terminal."""
    with pytest.raises(machine.IllegalMove):
        walked(table, ("quit", {}), ("quit", {}))
