"""The graph's part of a spec: slots, intents and nodes, read strictly, each fault at its line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.pattern import PatternError
from pytest_compiledai.core.pattern import compile_pattern
from pytest_compiledai.dialogues.flow import Edge
from pytest_compiledai.dialogues.flow import Flow
from pytest_compiledai.dialogues.flow import Intent
from pytest_compiledai.dialogues.flow import Node
from pytest_compiledai.dialogues.flow import Route
from pytest_compiledai.dialogues.flow import Slot
from pytest_compiledai.dialogues.flow import Terminal
from pytest_compiledai.dialogues.flow import placeholders
from pytest_compiledai.dialogues.guards import TURNS
from pytest_compiledai.dialogues.guards import Guard
from pytest_compiledai.dialogues.guards import GuardError
from pytest_compiledai.dialogues.guards import names
from pytest_compiledai.dialogues.guards import read_guard

if TYPE_CHECKING:
    from pytest_compiledai.core.document import Document

TEXT_CAP: Final = 500  # characters of an utterance or a reply
MOST_NODES: Final = 400
MOST_INTENTS: Final = 400
MOST_TEXTS: Final = 400  # of one intent, slot or node

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_WHOLE = re.compile(r"[0-9]{1,18}")


def read_graph(document: Document) -> Flow:
    """Return the flow of a spec. Raises ``SpecError``."""
    return _Reader(document).flow()


class _Reader:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.raw = dict(self.named("nodes", MOST_NODES))
        self.slots = {name: self.slot(name, b) for name, b in self.named("slots", MOST_INTENTS)}
        self.intents = {
            name: self.intent(name, block) for name, block in self.named("intents", MOST_INTENTS)
        }
        self.anywhere = self.edges(("anywhere",), document.data.get("anywhere", {}))

    def flow(self) -> Flow:
        start = self.document.data.get("start")
        if start not in self.raw:
            raise self.amiss(("start",), start, "the name of a node")
        return Flow(
            name=str(self.document.data["name"]),
            start=str(start),
            nodes={name: self.node(name, block) for name, block in self.raw.items()},
            intents=self.intents,
            slots=self.slots,
            anywhere=tuple(edge.intent for edge in self.anywhere),
        )

    def amiss(self, way: tuple[str | int, ...], found: Any, expected: str) -> SpecError:
        return SpecError(
            where=self.document.place(*way),
            found=f"{way[-1]}: {found!r}"[:120],
            expected=expected,
            next="see docs/dialogues.md",
        )

    def named(self, key: str, most: int) -> list[tuple[str, Mapping[str, Any]]]:
        """Return the mappings by name at ``key``; only slots may be left out."""
        block = self.document.data.get(key, {} if key == "slots" else None)
        if not isinstance(block, Mapping) or (not block and key != "slots"):
            raise self.amiss((key,), block, f"a mapping of {key}")
        if len(block) > most:
            raise self.amiss((key,), len(block), f"at most {most}")
        for name, value in block.items():
            if not _NAME.fullmatch(name) or (key == "slots" and name == TURNS):
                raise self.amiss((key, name), name, "a free name of a-z, 0-9, _, a letter first")
            if not isinstance(value, Mapping):
                raise self.amiss((key, name), value, "a mapping")
        return list(block.items())

    def known(self, way: tuple[str | int, ...], block: Mapping[str, Any], *keys: str) -> None:
        for key in block:
            if key not in keys:
                raise self.amiss((*way, key), key, f"one of {', '.join(keys)}")

    def texts(self, way: tuple[str | int, ...], value: Any, *, least: int = 0) -> tuple[str, ...]:
        """Return a list of texts, each once."""
        if not isinstance(value, list) or len(value) < least or len(value) > MOST_TEXTS:
            raise self.amiss(way, value, f"a list of {least} to {MOST_TEXTS} texts")
        for index, item in enumerate(value):
            if not isinstance(item, str) or not item.strip() or len(item) > TEXT_CAP:
                raise self.amiss((*way, index), item, f"a text of at most {TEXT_CAP} characters")
            if item in value[:index]:
                raise self.amiss((*way, index), item, "each text once")
        return tuple(value)

    def slot(self, name: str, block: Mapping[str, Any]) -> Slot:
        way = ("slots", name)
        self.known(way, block, "values", "pattern", "number", "examples", "holdout")
        if ("values" in block) is ("pattern" in block):
            raise self.amiss(way, sorted(block), "`values` or `pattern`, and not both")
        if "values" in block:
            self.known(way, block, "values")
            return Slot(name=name, values=self.values((*way, "values"), block["values"]))
        number = block.get("number", False)
        if not isinstance(number, bool):
            raise self.amiss((*way, "number"), number, "true or false")
        pattern = self.pattern((*way, "pattern"), block["pattern"])
        matcher = compile_pattern(f"^(?:{pattern})$")
        texts = self.texts((*way, "examples"), block.get("examples"), least=1)
        holdout = self.texts((*way, "holdout"), block.get("holdout", []))
        for text in (*texts, *holdout):
            if not matcher.search(text) or (number and not _WHOLE.fullmatch(text)):
                raise self.amiss(way, text, f"texts of the pattern{', all digits' * number}")
        return Slot(name=name, pattern=pattern, number=number, examples=texts, holdout=holdout)

    def pattern(self, way: tuple[str | int, ...], value: Any) -> str:
        if not isinstance(value, str) or not value:
            raise self.amiss(way, value, "a regular expression for the whole value")
        try:
            automaton = compile_pattern(f"^(?:{value})$")
        except PatternError as error:
            raise self.amiss(way, value, str(error)) from None
        if automaton.search(""):
            raise self.amiss(way, value, "a pattern that the empty text does not match")
        return value

    def values(self, way: tuple[str | int, ...], block: Any) -> dict[str, tuple[str, ...]]:
        """Return canonical value -> ways to write it, from a list or a mapping to other words."""
        if isinstance(block, list):
            block = {text: [] for text in self.texts(way, block, least=1)}
        if not isinstance(block, Mapping) or not block:
            raise self.amiss(way, block, "a list of values, or a mapping of them to other words")
        found: dict[str, tuple[str, ...]] = {}
        known: dict[str, str] = {}  # text in small letters -> its value
        for value, words in block.items():
            others = self.texts((*way, value), words)
            found[value] = tuple(dict.fromkeys((value, *others)))
            for text in found[value]:
                if known.setdefault(text.casefold(), value) != value:
                    raise self.amiss((*way, value), text, "words of one value, large letters aside")
        return found

    def intent(self, name: str, block: Mapping[str, Any]) -> Intent:
        way = ("intents", name)
        self.known(way, block, "examples", "holdout")
        examples = self.texts((*way, "examples"), block.get("examples"), least=1)
        holdout = self.texts((*way, "holdout"), block.get("holdout", []))
        for key, texts in (("examples", examples), ("holdout", holdout)):
            for index, text in enumerate(texts):
                self.template((*way, key, index), text)
        shared = set(examples) & set(holdout)
        if shared:
            raise self.amiss((*way, "holdout"), min(shared), "wording that is no example")
        return Intent(name=name, examples=examples, holdout=holdout)

    def template(self, way: tuple[str | int, ...], text: str) -> None:
        named = placeholders(text)
        bare = re.sub(r"\{[a-z][a-z0-9_]*\}", "", text)
        if "{" in bare or "}" in bare:
            raise self.amiss(way, text, "braces only around a slot's name")
        for slot in named:
            if slot not in self.slots:
                raise self.amiss(way, text, f"slots of this spec, not {slot}")
        if len(set(named)) != len(named):
            raise self.amiss(way, text, "each slot once")

    def node(self, name: str, block: Mapping[str, Any]) -> Node:
        way = ("nodes", name)
        self.known(way, block, "say", "edges", "route", "terminal")
        ways = [key for key in ("edges", "route", "terminal") if key in block]
        if len(ways) != 1:
            raise self.amiss(way, ways, "one of `edges`, `route`, `terminal`")
        if ("say" in block) is ("route" in block):
            raise self.amiss(way, sorted(block), "`say`, except where the node only routes")
        say = self.texts((*way, "say"), block.get("say", []), least="say" in block)
        for index, text in enumerate(say):
            self.template((*way, "say", index), text)
        terminal = block.get("terminal")
        if "terminal" in block and terminal not in [*Terminal]:
            raise self.amiss((*way, "terminal"), terminal, ", ".join(Terminal))
        own = self.edges((*way, "edges"), block.get("edges", {}))
        if "edges" in block and not own:
            raise self.amiss((*way, "edges"), block["edges"], "at least one intent")
        named = {edge.intent for edge in own}
        added = [edge for edge in self.anywhere if edge.intent not in named] if own else []
        return Node(
            name=name,
            say=say,
            edges=(*own, *added),
            routes=self.routes((*way, "route"), block["route"]) if "route" in block else (),
            terminal=Terminal(terminal) if terminal else None,
        )

    def edges(self, way: tuple[str | int, ...], block: Any) -> tuple[Edge, ...]:
        if not isinstance(block, Mapping):
            raise self.amiss(way, block, "a mapping of intents to nodes")
        found = []
        for intent, value in block.items():
            if intent not in self.intents:
                raise self.amiss((*way, intent), intent, "an intent of this spec")
            target = {"to": value} if isinstance(value, str) else value
            if not isinstance(target, Mapping):
                raise self.amiss((*way, intent), value, "the name of a node, or `to` and `forget`")
            self.known((*way, intent), target, "to", "forget")
            if target.get("to") not in self.raw:
                raise self.amiss((*way, intent), target.get("to"), "the name of a node")
            forget = self.texts((*way, intent, "forget"), target.get("forget", []))
            for slot in forget:
                if slot not in self.slots:
                    raise self.amiss((*way, intent, "forget"), slot, "a slot of this spec")
            found.append(Edge(intent=intent, to=target["to"], forget=forget))
        return tuple(found)

    def routes(self, way: tuple[str | int, ...], block: Any) -> tuple[Route, ...]:
        if not isinstance(block, list) or not block:
            raise self.amiss(way, block, "a list of `when` and `to`, the last without `when`")
        found = []
        for index, item in enumerate(block):
            here = (*way, index)
            if not isinstance(item, Mapping):
                raise self.amiss(here, item, "`when` and `to`")
            self.known(here, item, "when", "to")
            if ("when" in item) is (index == len(block) - 1):
                raise self.amiss(here, item, "`when` in all but the last, which is always taken")
            if item.get("to") not in self.raw:
                raise self.amiss(here, item.get("to"), "the name of a node")
            when = self.guard((*here, "when"), item["when"]) if "when" in item else None
            found.append(Route(to=item["to"], when=when))
        return tuple(found)

    def guard(self, way: tuple[str | int, ...], text: Any) -> Guard:
        if not isinstance(text, str):
            raise self.amiss(way, text, "an expression of slots")
        try:
            guard = read_guard(text)
        except GuardError as error:
            raise self.amiss(way, text, str(error)) from None
        for slot in sorted(names(guard)):
            if slot not in self.slots and slot != TURNS:
                raise self.amiss(way, text, f"slots of this spec, or {TURNS}, not {slot}")
        return guard
