"""What is wrong with a flow before anything is made of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Final
from typing import NamedTuple

from pytest_compiledai.dialogues import machine
from pytest_compiledai.dialogues.exploring import STATES_CAP
from pytest_compiledai.dialogues.exploring import Explored
from pytest_compiledai.dialogues.flow import PLACEHOLDER
from pytest_compiledai.dialogues.flow import Flow
from pytest_compiledai.dialogues.flow import Intent
from pytest_compiledai.dialogues.flow import Node
from pytest_compiledai.dialogues.flow import Slot
from pytest_compiledai.dialogues.flow import Terminal
from pytest_compiledai.dialogues.flow import placeholders
from pytest_compiledai.dialogues.guards import Guard
from pytest_compiledai.dialogues.guards import Joined
from pytest_compiledai.dialogues.guards import Not
from pytest_compiledai.dialogues.guards import as_text
from pytest_compiledai.dialogues.guards import assignments
from pytest_compiledai.dialogues.guards import holds
from pytest_compiledai.dialogues.guards import names

#: Similarity of examples of two intents of one node from which users cannot tell them apart.
NEAR: Final = 0.9
_WORD: Final = re.compile(r"\w+(?:'\w+)?")


class Fault(NamedTuple):
    """One thing that is wrong: a rule's name, the place in the spec, what was found, expected."""

    rule: str
    way: tuple[str, ...]
    message: str


def lint(flow: Flow) -> Iterator[Fault]:
    """Yield what is wrong with ``flow``."""
    yield from _circles(flow)
    yield from _guards(flow)
    yield from _unused(flow)
    yield from _ambiguous(flow)
    try:
        explored = Explored(flow)
    except machine.IllegalMove:
        return  # routes in circles, which are told already
    if not explored.is_whole:
        message = f"found more than {STATES_CAP} states; expected a flow that can be explored"
        yield Fault("size", ("nodes",), message)
        return
    yield from _reached(flow, explored)
    yield from _escapes(flow)


def _circles(flow: Flow) -> Iterator[Fault]:
    """Routes that lead back to themselves with no word to the user."""
    for node in flow.nodes.values():
        seen: set[str] = set()
        waiting = [route.to for route in node.routes]
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen.add(name)
                waiting += [route.to for route in flow.nodes[name].routes]
        if node.name in seen:
            message = f"{node.name}: found routes that lead back here; expected a node that speaks"
            yield Fault("circle", ("nodes", node.name), message)


def _guards(flow: Flow) -> Iterator[Fault]:
    """Routes that are never taken, because their guard, or those before it, leave nothing."""
    values = {name: list(slot.values) for name, slot in flow.slots.items() if slot.values}
    for node in flow.nodes.values():
        before: list[Guard] = []
        for route in node.routes[:-1]:
            assert route.when is not None
            asked = Joined(word="and", of=(*(Not(of=guard) for guard in before), route.when))
            tried = assignments([asked], values)
            if tried is not None and not any(holds(asked, facts) for facts in tried):
                found = f"{node.name}: found a route to {route.to} that is never taken"
                message = f"{found} (`{as_text(route.when)}`); expected a guard that can hold"
                yield Fault("guard", ("nodes", node.name, "route"), message)
            before.append(route.when)


def _unused(flow: Flow) -> Iterator[Fault]:
    said = {s for node in flow.nodes.values() for text in node.say for s in placeholders(text)}
    asked = {
        s
        for n in flow.nodes.values()
        for r in n.routes
        if r.when is not None
        for s in names(r.when)
    }
    stated = {slot for intent in flow.intents.values() for slot in intent.slots}
    legal = {edge.intent for _, edge in flow.edges()}
    for name in flow.slots:
        if name not in stated:
            yield Fault("slot", ("slots", name), f"{name}: found no intent that states it")
        elif name not in said | asked:
            message = f"{name}: found a slot that nothing says or routes by; expected a use"
            yield Fault("slot", ("slots", name), message)
    for name in flow.intents:
        if name not in legal:
            message = f"{name}: found an intent that no edge has; expected a use"
            yield Fault("intent", ("intents", name), message)


def _ambiguous(flow: Flow) -> Iterator[Fault]:
    """Intents of one node whose nearest examples differ by too little."""
    alike = _alike(flow)
    pairs = {
        tuple(sorted((one.intent, other.intent)))
        for node in flow.asking
        for one in node.edges
        for other in node.edges
        if one.intent != other.intent
    }
    for one, other in sorted(pairs):
        near, first, second = nearest(flow.intents[one], flow.intents[other], alike)
        if near >= NEAR:
            found = f"{one}: found {first!r}, which {other} says as {second!r}"
            message = f"{found}; expected examples that tell the two apart at one node"
            yield Fault("ambiguous", ("intents", one), message)


def _alike(flow: Flow) -> dict[str, str]:
    """Return, for each slot, the first one that is written as it may be."""
    found: dict[str, str] = {}
    for slot in flow.slots.values():
        found[slot.name] = next(
            (name for name in found if _shares(flow.slots[name], slot)), slot.name
        )
    return found


def _shares(one: Slot, other: Slot) -> bool:
    if one.pattern or other.pattern:
        return one.pattern == other.pattern
    mine, theirs = ({text.casefold() for text in slot.written()} for slot in (one, other))
    return bool(mine & theirs)


def nearest(one: Intent, other: Intent, alike: Mapping[str, str]) -> tuple[float, str, str]:
    """Return the similarity of the nearest two examples of two intents, and those examples.

    It is the Dice coefficient of their words; a placeholder counts as the slot it is ``alike``.
    """
    return max(
        (_dice(_words(first, alike), _words(second, alike)), first, second)
        for first in one.examples
        for second in other.examples
    )


def _dice(one: frozenset[str], other: frozenset[str]) -> float:
    return 2 * len(one & other) / ((len(one) + len(other)) or 1)


def _words(text: str, alike: Mapping[str, str]) -> frozenset[str]:
    """Return the words in small letters; signs say nothing, unless there is nothing else."""
    plain = PLACEHOLDER.sub(lambda match: f" _{alike.get(match[1], match[1])}_ ", text.casefold())
    return frozenset(_WORD.findall(plain)) or frozenset(text.split())


def _reached(flow: Flow, explored: Explored) -> Iterator[Fault]:
    routing = {name for name, node in flow.nodes.items() if node.routes}
    reachable = flow.reachable(flow.start)
    for name in flow.nodes:
        is_met = name in (reachable if name in routing else explored.nodes)
        if not is_met:
            message = f"{name}: found no way to it from {flow.start}; expected a node that is met"
            yield Fault("unreachable", ("nodes", name), message)
    for name in sorted(explored.stuck):
        message = f"{name}: found no way on to a terminal; expected one"
        yield Fault("dead-end", ("nodes", name), message)
    for node, slot in sorted(explored.said):
        message = f"{node}: found {{{slot}}} said on a way that leaves it empty; expected a value"
        yield Fault("unset", ("nodes", node, "say"), message)
    if not any(n.terminal is Terminal.SUCCESS and n.name in explored.nodes for n in flow.terminals):
        message = "found no terminal of success that is reached; expected one"
        yield Fault("success", ("nodes",), message)


def _escapes(flow: Flow) -> Iterator[Fault]:
    """Nodes that a user cannot leave for an abandonment or an escalation in one step."""
    for node in flow.asking:
        # Every landing: a guard that leads there only sometimes is no way out.
        ways = [flow.landings(edge.to) for edge in node.edges]
        if not any(all(_is_escape(flow.nodes[name]) for name in way) for way in ways):
            found = f"{node.name}: found no edge to an abandonment or an escalation"
            yield Fault("escape", ("nodes", node.name), f"{found}; expected one, as in `anywhere:`")


def _is_escape(node: Node) -> bool:
    return node.terminal in (Terminal.ABANDONMENT, Terminal.ESCALATION)
