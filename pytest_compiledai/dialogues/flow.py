"""A conversation's graph: what the agent says, what users may mean, and where that leads."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from functools import cached_property
from typing import Final

from pytest_compiledai.dialogues.guards import Guard
from pytest_compiledai.dialogues.guards import names

#: `{slot}` in what the agent says and in example utterances.
PLACEHOLDER: Final = re.compile(r"\{([a-z][a-z0-9_]{0,63})\}")
_WORD: Final = re.compile(r"[a-z]+")


class Terminal(enum.StrEnum):
    """How a conversation can end."""

    SUCCESS = "success"
    ABANDONMENT = "abandonment"
    ESCALATION = "escalation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A fact that a user states: one of listed values, or what a pattern matches."""

    name: str
    #: Canonical value -> how users write it, itself included; empty where a pattern decides.
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    pattern: str = ""  # of the whole value; "" where values are listed
    number: bool = False  # the value is kept as a whole number
    examples: tuple[str, ...] = ()  # what data and gates write for a pattern
    holdout: tuple[str, ...] = ()  # the same, shown to gates only

    def written(self, *, held_out: bool = False) -> tuple[str, ...]:
        """Return texts that users write for the slot; held-out ones where there are some."""
        if held_out and self.holdout:
            return self.holdout
        return self.examples or tuple(text for texts in self.values.values() for text in texts)

    def is_value(self, value: object) -> bool:
        """Return whether the slot can hold ``value``."""
        if self.values:
            return value in self.values
        if self.number:
            return type(value) is int
        return isinstance(value, str) and re.fullmatch(self.pattern, value) is not None

    def value_of(self, text: str) -> str | int:
        """Return what is kept when a user writes ``text``, one of ``written``."""
        for value, texts in self.values.items():
            if text in texts:
                return value
        return int(text) if self.number else text


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """Something a user may mean, with utterances that say it; `{slot}` stands for a value."""

    name: str
    examples: tuple[str, ...]
    holdout: tuple[str, ...] = ()  # wording that nothing is trained on

    @property
    def slots(self) -> tuple[str, ...]:
        """The slots that an utterance may fill, sorted."""
        return tuple(sorted({slot for text in self.texts for slot in placeholders(text)}))

    @property
    def required(self) -> tuple[str, ...]:
        """The slots that every utterance fills, sorted."""
        each = [frozenset(placeholders(text)) for text in self.texts]
        return tuple(sorted(frozenset.intersection(*each))) if each else ()

    @property
    def texts(self) -> tuple[str, ...]:
        """All utterances, held-out ones last."""
        return (*self.examples, *self.holdout)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """Where an intent leads from a node, and the slots that are forgotten on the way."""

    intent: str
    to: str
    forget: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where a conversation goes on by itself; the first whose guard holds is taken."""

    to: str
    when: Guard | None = None  # None: always


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A place in the conversation: it asks (edges), routes (routes), or ends it (terminal)."""

    name: str
    say: tuple[str, ...] = ()  # templates, of which turns take one after the other
    edges: tuple[Edge, ...] = ()  # global ones included
    routes: tuple[Route, ...] = ()
    terminal: Terminal | None = None

    @property
    def asks(self) -> bool:
        """Whether the node waits for the user."""
        return bool(self.edges)

    def edge(self, intent: str) -> Edge | None:
        """Return the edge of ``intent``; None where it is not legal here."""
        return next((edge for edge in self.edges if edge.intent == intent), None)

    def successors(self) -> tuple[str, ...]:
        """Return the nodes one edge or route away, each once, in order."""
        return tuple(dict.fromkeys([e.to for e in self.edges] + [r.to for r in self.routes]))


@dataclass(frozen=True, kw_only=True)
class Flow:
    """The whole graph; every name in it is known to exist."""

    name: str
    start: str
    nodes: Mapping[str, Node]
    intents: Mapping[str, Intent]
    slots: Mapping[str, Slot]
    anywhere: tuple[str, ...] = ()  # intents that are legal at every node that asks

    @cached_property
    def asking(self) -> tuple[Node, ...]:
        """The nodes that wait for the user, in order."""
        return tuple(node for node in self.nodes.values() if node.asks)

    @cached_property
    def terminals(self) -> tuple[Node, ...]:
        """The nodes that end a conversation, in order."""
        return tuple(node for node in self.nodes.values() if node.terminal is not None)

    @cached_property
    def watched(self) -> tuple[str, ...]:
        """The slots that guards look at, sorted."""
        guards = (route.when for node in self.nodes.values() for route in node.routes)
        found = frozenset().union(*(names(guard) for guard in guards if guard is not None))
        return tuple(sorted(found.intersection(self.slots)))

    @cached_property
    def words(self) -> frozenset[str]:
        """The words of the examples, in small letters; held-out wording is not looked at."""
        return frozenset(word for text in self._examples() for word in words_of(text))

    @cached_property
    def loose(self) -> tuple[str, ...]:
        """Those that are no example by themselves, sorted."""
        told = (words_of(text) for text in self._examples() if not placeholders(text))
        whole = {words[0] for words in told if len(words) == 1}
        return tuple(sorted(self.words - whole))

    @cached_property
    def often(self) -> tuple[str, ...]:
        """The same, each as often as the examples have it: `my` and `the` more than the rest."""
        every = (word for text in self._examples() for word in words_of(text))
        return tuple(sorted(word for word in every if word in self._loose))

    @cached_property
    def _loose(self) -> frozenset[str]:
        return frozenset(self.loose)

    @cached_property
    def stated(self) -> frozenset[str]:
        """The words of the values that slots list: who says one states something."""
        listed = (
            text for slot in self.slots.values() for ts in slot.values.values() for text in ts
        )
        return frozenset(word for text in listed for word in words_of(text))

    @cached_property
    def phrases(self) -> str:
        """All examples in small letters, one a line."""
        return "\n".join(self._examples()).casefold()

    def _examples(self) -> Iterator[str]:
        return (text for intent in self.intents.values() for text in intent.examples)

    def edges(self) -> Iterator[tuple[Node, Edge]]:
        """Yield every edge with the node it leaves."""
        for node in self.nodes.values():
            for edge in node.edges:
                yield node, edge

    def reachable(self, start: str) -> frozenset[str]:
        """Return the nodes that can be reached from ``start``, itself included; guards aside."""
        seen, waiting = {start}, [start]
        while waiting:
            for name in self.nodes[waiting.pop()].successors():
                if name not in seen:
                    seen.add(name)
                    waiting.append(name)
        return frozenset(seen)

    def landings(self, name: str) -> frozenset[str]:
        """Return the nodes that say something where a step to ``name`` can end; guards aside."""
        seen: set[str] = set()
        found: set[str] = set()
        waiting = [name]
        while waiting:
            node = self.nodes[waiting.pop()]
            if not node.routes:
                found.add(node.name)
            elif node.name not in seen:
                seen.add(node.name)
                waiting += [route.to for route in node.routes]
        return frozenset(found)


def words_of(text: str) -> list[str]:
    """Return the words of a template in small letters, slots left out."""
    return _WORD.findall(PLACEHOLDER.sub("", text).casefold())


def placeholders(text: str) -> tuple[str, ...]:
    """Return the slots that a template names, in order."""
    return tuple(PLACEHOLDER.findall(text))


def filled(text: str, values: Mapping[str, str | int | None]) -> str:
    """Return a template with its placeholders replaced; a value that is missing leaves nothing."""

    def value(match: re.Match[str]) -> str:
        known = values.get(match[1])
        return "" if known is None else str(known)

    return PLACEHOLDER.sub(value, text)
