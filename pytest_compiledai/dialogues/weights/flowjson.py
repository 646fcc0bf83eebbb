"""A flow as JSON beside the weights, so that they run without the spec; read back strictly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_compiledai.dialogues.flow import Edge
from pytest_compiledai.dialogues.flow import Flow
from pytest_compiledai.dialogues.flow import Intent
from pytest_compiledai.dialogues.flow import Node
from pytest_compiledai.dialogues.flow import Route
from pytest_compiledai.dialogues.flow import Slot
from pytest_compiledai.dialogues.flow import Terminal
from pytest_compiledai.dialogues.flow import placeholders
from pytest_compiledai.dialogues.guards import as_text
from pytest_compiledai.dialogues.guards import read_guard


def as_json(flow: Flow) -> dict[str, Any]:
    """Return what running needs of a flow: no held-out wording, examples with slots only."""
    return {
        "name": flow.name,
        "start": flow.start,
        "anywhere": list(flow.anywhere),
        "nodes": {name: _node(node) for name, node in flow.nodes.items()},
        "intents": {
            intent.name: {
                "slots": list(intent.slots),
                "required": list(intent.required),
                "examples": [text for text in intent.examples if placeholders(text)],
            }
            for intent in flow.intents.values()
        },
        "slots": {
            slot.name: {
                "values": {value: list(texts) for value, texts in slot.values.items()},
                "pattern": slot.pattern,
                "number": slot.number,
            }
            for slot in flow.slots.values()
        },
    }


def _node(node: Node) -> dict[str, Any]:
    return {
        "say": list(node.say),
        "edges": [[edge.intent, edge.to, list(edge.forget)] for edge in node.edges],
        "routes": [[r.to, None if r.when is None else as_text(r.when)] for r in node.routes],
        "terminal": node.terminal,
    }


def read(value: Mapping[str, Any]) -> Flow:
    """Return the flow that ``as_json`` wrote. Raises ``LookupError`` or ``ValueError``."""
    return Flow(
        name=value["name"],
        start=value["start"],
        anywhere=tuple(value["anywhere"]),
        nodes={name: _read_node(name, node) for name, node in value["nodes"].items()},
        intents={name: _read_intent(name, i) for name, i in value["intents"].items()},
        slots={
            name: Slot(
                name=name,
                values={v: tuple(texts) for v, texts in slot["values"].items()},
                pattern=slot["pattern"],
                number=slot["number"],
            )
            for name, slot in value["slots"].items()
        },
    )


def _read_node(name: str, node: Mapping[str, Any]) -> Node:
    return Node(
        name=name,
        say=tuple(node["say"]),
        edges=tuple(Edge(intent=i, to=to, forget=tuple(gone)) for i, to, gone in node["edges"]),
        routes=tuple(
            Route(to=to, when=None if when is None else read_guard(when))
            for to, when in node["routes"]
        ),
        terminal=None if node["terminal"] is None else Terminal(node["terminal"]),
    )


def _read_intent(name: str, intent: Mapping[str, Any]) -> Intent:
    """Return an intent with the examples that state values, and the slots it has and needs."""
    every = " ".join(f"{{{slot}}}" for slot in intent["required"])
    whole = " ".join(f"{{{slot}}}" for slot in intent["slots"])
    return Intent(name=name, examples=tuple(dict.fromkeys((*intent["examples"], every, whole))))
