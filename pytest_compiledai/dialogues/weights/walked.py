"""Whole conversations from a teacher: few walks take every edge, each user turn is told its own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from pytest_compiledai.dialogues.flow import Flow
from pytest_compiledai.dialogues.spec import DialogueSpec
from pytest_compiledai.dialogues.weights.paths import Path
from pytest_compiledai.dialogues.weights.paths import Step

ROLE: Final = (
    "You play people who type to a service, one after another. You are told the course of a "
    "conversation: what the service says, and what the person means then. Answer with a JSON list "
    "of conversations, each a JSON list of the texts that one person types, and nothing else."
)
_SHOWN: Final = 4  # examples of an intent that the teacher sees

Edge = tuple[str, str]  # node, "" for an intent that every node has; intent


def edge_of(flow: Flow, step: Step) -> Edge:
    """Return the edge that a turn takes; an intent that every node has is one edge."""
    return ("" if step.said.intent in flow.anywhere else step.node, step.said.intent)


def covering(flow: Flow, paths: Sequence[Path]) -> list[Path]:
    """Return few of ``paths`` that take every edge together: greedily, in an order of their own."""
    left = {edge_of(flow, step) for path in paths for step in path.steps}
    chosen = []
    while left:
        best = min((-_gain(flow, path, left), path.key, path) for path in paths)[2]
        chosen.append(best)
        left -= {edge_of(flow, step) for step in best.steps}
    return chosen


def _gain(flow: Flow, path: Path, left: set[Edge]) -> float:
    """Return what a walk adds, a long walk for less: a teacher loses the thread in it."""
    taken = {edge_of(flow, step) for step in path.steps}
    return len(left & taken) / math.sqrt(len(path.steps))


def course(spec: DialogueSpec, path: Path, count: int) -> str:
    """Return the course of a walk for a teacher; held-out wording is not in it."""
    lines = [f"The service: {spec.description.strip()}"]
    for number, step in enumerate(path.steps, 1):
        intent = spec.flow.intents[step.said.intent]
        shown = "; ".join(intent.examples[:_SHOWN])
        stated = ", ".join(f"{{{slot}}}" for slot in step.said.values)
        lines += [
            f"{number}. The service says: {spec.flow.nodes[step.node].say[0]}",
            f"   The person means: {intent.name.replace('_', ' ')} (for example: {shown})",
        ]
        if stated:
            lines.append(f"   The person states {stated}: write it like that, in braces.")
    lines.append(
        f"Write {count} such conversations of {len(path.steps)} texts each, by different people "
        "in words of their own, no text like an example. State nothing else in braces."
    )
    return "\n".join(lines)
