"""A multi-agent graph, read from JSON and never imported: who knows what, and who follows whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from typing import Final

from pytest_compiledai.core.strictjson import read_json

#: What a node's metadata may hold under, the first that it has counts.
PROMPTS: Final = ("prompt", "instructions", "system", "description")
_ENDS: Final = ("__start__", "__end__")


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """One node: its name, and what it was told."""

    name: str
    prompt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """Who follows whom, and when."""

    source: str
    target: str
    when: str  # "" where it always does


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """Agents in the order in which they come, and their edges."""

    agents: tuple[Agent, ...]
    edges: tuple[Edge, ...]


def read_graph(data: bytes) -> Graph:
    """Return the graph in LangGraph's `to_json` form. Raises ``ValueError``.

    Nodes carry what they know in `metadata`; one that has no text there is left out.
    """
    value = read_json(data.decode("utf-8"))
    if not isinstance(value, dict) or not all(
        isinstance(value.get(key), list) for key in ("nodes", "edges")
    ):
        raise ValueError("other than an object of `nodes` and `edges`")
    names = [_name(node) for node in value["nodes"]]
    edges = tuple(_edge(edge, names) for edge in value["edges"])
    nodes = {_name(node): node for node in value["nodes"] if _name(node) not in _ENDS}
    agents = [
        Agent(name=name, prompt=prompt)
        for name in _ordered(list(nodes), edges)
        if (prompt := _prompt(nodes[name]))
    ]
    if not agents:
        raise ValueError(f"no node whose metadata hold {', '.join(PROMPTS[:-1])} or {PROMPTS[-1]}")
    return Graph(agents=tuple(agents), edges=edges)


def _name(node: Any) -> str:
    if not isinstance(node, Mapping) or not isinstance(node.get("id"), str):
        raise ValueError("a node without an `id`")  # noqa: TRY004 - one error for what a file says
    return str(node["id"])


def _edge(edge: Any, names: list[str]) -> Edge:
    ends = [edge.get(key) for key in ("source", "target")] if isinstance(edge, Mapping) else []
    if not ends or any(end not in names for end in ends):
        raise ValueError(f"an edge to no node: {edge!r}"[:120])
    when = edge.get("data") or ("decided by the agent" if edge.get("conditional") else "")
    return Edge(source=str(ends[0]), target=str(ends[1]), when=str(when))


def _prompt(node: Mapping[str, Any]) -> str:
    metadata = node.get("metadata")
    if not isinstance(metadata, Mapping):
        return ""
    found = (metadata.get(key) for key in PROMPTS)
    return next((text.strip() for text in found if isinstance(text, str) and text.strip()), "")


def _ordered(names: list[str], edges: tuple[Edge, ...]) -> list[str]:
    """Return the nodes by their first distance from the start, then by name."""
    starts = [edge.target for edge in edges if edge.source == _ENDS[0]] or names[:1]
    found = dict.fromkeys(starts)
    waiting = list(found)
    while waiting:
        here = waiting.pop(0)
        for edge in sorted(edges, key=lambda edge: edge.target):
            if edge.source == here and edge.target not in found:
                found[edge.target] = None
                waiting.append(edge.target)
    reached = [name for name in found if name in names]
    return reached + sorted(set(names) - set(reached))
