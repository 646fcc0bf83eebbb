"""A foreign graph as far as its file says it, and the draft of a spec that comes of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from dataclasses import field
from typing import Any
from typing import Final

from pytest_compiledai.core.errors import SpecError

ONWARDS: Final = "go on"  # the label of a way that has none
_KINDS: Final = ("success", "abandonment", "escalation")


@dataclass(slots=True)
class Sketch:
    """Nodes with what they say, and labelled ways between them, by the file's own names."""

    name: str
    start: str = ""
    says: dict[str, str] = field(default_factory=dict)
    ends: dict[str, str] = field(default_factory=dict)  # node -> kind of terminal, where it is said
    ways: list[tuple[str, str, str]] = field(default_factory=list)  # from, label, to
    notes: list[str] = field(default_factory=list)

    def spec(self, path: str) -> dict[str, Any]:
        """Return the spec as YAML values. Raises ``SpecError`` for a graph that has no start."""
        known = list(dict.fromkeys([*self.says, *(end for a, _, b in self.ways for end in (a, b))]))
        targets = {target for _, _, target in self.ways}
        start = self.start or next((name for name in known if name not in targets), "")
        if start not in known:
            raise SpecError(
                where=path, found="no node to start from", expected="one that no way leads to"
            )
        names = _named(known)
        intents: dict[str, Any] = {}
        nodes: dict[str, Any] = {}
        for node in known:
            edges: dict[str, str] = {}
            for _, label, target in (way for way in self.ways if way[0] == node):
                intent = slug(label or ONWARDS, "intent")
                intents.setdefault(intent, {"examples": [_plain(label or ONWARDS)]})
                if intent in edges:
                    self.notes.append(f"{node}: a second way called {label!r}, left out")
                edges.setdefault(intent, names[target])
            says = {"say": [_plain(self.says.get(node, "")) or _plain(node)]}
            if edges:
                nodes[names[node]] = says | {"edges": edges}
            else:
                kind = self.ends.get(node, "")
                if kind not in _KINDS:
                    self.notes.append(f"{node}: how it ends is not said, taken for success")
                nodes[names[node]] = says | {"terminal": kind if kind in _KINDS else "success"}
        self.notes.append("examples: each intent has one, made of its label; write 16 or more")
        self.notes.append("an escape: add `anywhere:` with an abandonment or an escalation")
        return {
            "compiledai": 1,
            "kind": "dialogue",
            "name": slug(self.name, "dialogue"),
            "target": "machine",
            "description": f"Draft made of {path}.",
            "start": names[start],
            "intents": intents,
            "nodes": nodes,
        }


def slug(text: str, lead: str) -> str:
    """Return a name of a spec made of ``text``."""
    plain = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:50].strip("_") or lead
    return plain if plain[0].isalpha() else f"{lead}_{plain}"


def _named(known: list[str]) -> dict[str, str]:
    names: dict[str, str] = {}
    for node in known:
        name, number = slug(node, "node"), 2
        while name in names.values():
            name, number = f"{slug(node, 'node')}_{number}", number + 1
        names[node] = name
    return names


def _plain(text: str) -> str:
    """Return a text on one line without the braces and characters that a spec refuses."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split()).translate(
        {ord("{"): "(", ord("}"): ")"}
    )[:400]
