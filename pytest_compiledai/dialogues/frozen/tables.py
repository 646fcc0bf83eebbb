"""A flow as the tables of the engine, and the engine's own look at a text with them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING
from typing import Any

from pytest_compiledai.dialogues.flow import PLACEHOLDER
from pytest_compiledai.dialogues.flow import Intent
from pytest_compiledai.dialogues.flow import Node
from pytest_compiledai.dialogues.frozen import engine
from pytest_compiledai.dialogues.guards import Compared
from pytest_compiledai.dialogues.guards import Filled
from pytest_compiledai.dialogues.guards import Guard
from pytest_compiledai.dialogues.guards import Joined
from pytest_compiledai.dialogues.guards import Not
from pytest_compiledai.dialogues.guards import as_text

if TYPE_CHECKING:
    from pytest_compiledai.dialogues.flow import Flow

_ORDERED = ("<", "<=", ">", ">=")


class Tables:
    """What the frozen code states of one flow."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.guards = {
            as_text(route.when): python_of(route.when)
            for node in flow.nodes.values()
            for route in node.routes
            if route.when is not None
        }
        self.nodes = {name: _node(node) for name, node in sorted(flow.nodes.items())}
        self.intents = {name: _intent(it) for name, it in sorted(flow.intents.items())}
        self.values = {
            name: {
                " ".join(engine.words(text)): value
                for value, texts in slot.values.items()
                for text in texts
            }
            for name, slot in sorted(flow.slots.items())
            if slot.values
        }
        self.patterns = {
            name: rf"(?<!\w)(?:{slot.pattern})(?!\w)"
            for name, slot in sorted(flow.slots.items())
            if slot.pattern
        }
        self.numbers = sorted(name for name, slot in flow.slots.items() if slot.number)
        self._compiled = {n: re.compile(text, re.ASCII) for n, text in self.patterns.items()}

    def masked(self, text: str, node: str) -> list[str]:
        """Return the words of ``text`` as the engine sees them at ``node``."""
        slots = sorted({s for e in self.flow.nodes[node].edges for s in self.slots_of(e.intent)})
        found = engine.spans(text, slots, self.values, self._compiled)
        return engine.masked(text, found)

    def slots_of(self, intent: str) -> tuple[str, ...]:
        """Return the slots that examples of ``intent`` state."""
        return tuple(self.intents[intent]["slots"])


def _node(node: Node) -> dict[str, Any]:
    if node.routes:
        routes = [(as_text(r.when) if r.when is not None else None, r.to) for r in node.routes]
        return {"routes": routes}
    found: dict[str, Any] = {"say": list(node.say)}
    if node.terminal is not None:
        found["terminal"] = str(node.terminal)
    else:
        found["edges"] = {e.intent: (e.to, sorted(e.forget)) for e in node.edges}
        found["edges"] = dict(sorted(found["edges"].items()))
    return found


def _intent(intent: Intent) -> dict[str, Any]:
    """Return the slots of an intent, and the words beside them in its examples."""
    return {
        "slots": list(intent.slots),
        "required": list(intent.required),
        "beside": {
            slot: [sorted(set(_before(intent, slot))), sorted(set(_after(intent, slot)))]
            for slot in intent.slots
        },
    }


def _before(intent: Intent, slot: str) -> Iterator[str]:
    for text in intent.examples:
        head, mark, _ = text.partition(f"{{{slot}}}")
        if mark:
            yield from engine.words(PLACEHOLDER.sub(" ", head))[-1:]


def _after(intent: Intent, slot: str) -> Iterator[str]:
    for text in intent.examples:
        _, mark, tail = text.partition(f"{{{slot}}}")
        if mark:
            yield from engine.words(PLACEHOLDER.sub(" ", tail))[:1]


def python_of(guard: Guard) -> str:
    """Return a Python expression over `facts` that says the same as ``guard``."""
    match guard:
        case Filled(slot=slot):
            return f"facts.get({slot!r}) is not None"
        case Not(of=inner):
            return f"not ({python_of(inner)})"
        case Joined(word=word, of=parts):
            return f" {word} ".join(f"({python_of(part)})" for part in parts)
        case Compared(slot=slot, order=order, literal=literal):
            told = list(literal) if isinstance(literal, tuple) else literal
            plain = f"facts.get({slot!r}) {order} {told!r}"
            if order not in _ORDERED:
                return plain
            if not isinstance(literal, int):
                return "False"
            return f"isinstance(facts.get({slot!r}), int) and {plain}"
