"""The pure state machine of a flow: the oracle by which everything else is judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from typing import Any
from typing import Final

from pytest_compiledai.dialogues.flow import Flow
from pytest_compiledai.dialogues.flow import Terminal
from pytest_compiledai.dialogues.flow import filled
from pytest_compiledai.dialogues.guards import TURNS
from pytest_compiledai.dialogues.guards import Value
from pytest_compiledai.dialogues.guards import holds

#: Routes passed in one step beyond which a flow goes in circles.
ROUTES_CAP: Final = 100


class IllegalMove(ValueError):
    """An intent that the node has no edge for, a slot the intent has not, or an ended state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Where a conversation is: plain data, so that it can be kept as JSON between turns."""

    node: str
    slots: Mapping[str, str | int] = field(default_factory=dict)
    turns: int = 0  # of the user

    def as_json(self) -> dict[str, Any]:
        """Return the form that artifacts give and take."""
        return {"node": self.node, "slots": dict(sorted(self.slots.items())), "turns": self.turns}


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What the agent does: the node it is at, what it says, and how the conversation ended."""

    node: str
    reply: str
    terminal: Terminal | None = None


def start(flow: Flow) -> tuple[State, Action]:
    """Return the state and the first words of a new conversation."""
    return _arrive(flow, flow.start, {}, 0)


def step(
    flow: Flow, state: State, intent: str, slots: Mapping[str, str | int]
) -> tuple[State, Action]:
    """Return what follows when the user means ``intent`` and states ``slots``.

    Raises ``IllegalMove`` for anything that the flow does not have.
    """
    edge = flow.nodes[state.node].edge(intent) if state.node in flow.nodes else None
    if edge is None:
        raise IllegalMove(f"found `{intent}` at `{state.node}`; expected one of its edges")
    known = flow.intents[intent]
    if not set(slots) <= set(known.slots) or not set(known.required) <= set(slots):
        found, expected = ", ".join(sorted(slots)), ", ".join(known.required)
        raise IllegalMove(f"found slots {found or 'none'}; expected {expected or 'none'}")
    kept = {name: value for name, value in state.slots.items() if name not in edge.forget}
    return _arrive(flow, edge.to, {**kept, **slots}, state.turns + 1)


def _arrive(
    flow: Flow, target: str, slots: Mapping[str, str | int], turns: int
) -> tuple[State, Action]:
    name = target
    for _ in range(ROUTES_CAP):
        node = flow.nodes[name]
        if not node.routes:
            break
        facts: dict[str, Value] = {**slots, TURNS: turns}
        name = next(r.to for r in node.routes if r.when is None or holds(r.when, facts))
    else:
        raise IllegalMove(f"found routes from `{target}` that go in circles; expected an end")
    reply = filled(node.say[turns % len(node.say)], slots)
    state = State(node=name, slots=dict(slots), turns=turns)
    return state, Action(node=name, reply=reply, terminal=node.terminal)
