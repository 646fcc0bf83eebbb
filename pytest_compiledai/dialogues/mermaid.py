"""A flow as a Mermaid flowchart, for reading it and for other tools."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from typing import Final

from pytest_compiledai.dialogues.guards import as_text

if TYPE_CHECKING:
    from pytest_compiledai.dialogues.flow import Flow

#: What ends a label or begins a tag, and what stands for it; `#gt;` is how Mermaid writes `>`.
_PLAIN: Final = str.maketrans(
    dict(zip('"`|{}[]', "''/()()", strict=True)) | {"<": "#lt;", ">": "#gt;", "#": "#35;"}
)
_OWN: Final = frozenset(
    ("end", "graph", "flowchart", "subgraph", "click", "class", "style", "default", "direction")
)


def mermaid(flow: Flow) -> str:
    """Return the flowchart: asking nodes as boxes, routing ones as diamonds, ends rounded."""
    return "\n".join(["flowchart TD", *_nodes(flow), *_ways(flow), ""])


def _nodes(flow: Flow) -> Iterator[str]:
    for name, node in flow.nodes.items():
        if node.routes:
            yield f'  {_id(name)}{{"{name}"}}'
        elif node.terminal is not None:
            yield f'  {_id(name)}(["{_safe(node.say[0])}"])'
        else:
            yield f'  {_id(name)}["{_safe(node.say[0])}"]'


def _ways(flow: Flow) -> Iterator[str]:
    for name, node in flow.nodes.items():
        for edge in node.edges:
            yield f"  {_id(name)} -->|{edge.intent}| {_id(edge.to)}"
        for route in node.routes:
            guard = f'|"{_safe(as_text(route.when))}"|' if route.when is not None else ""
            yield f"  {_id(name)} -->{guard} {_id(route.to)}"


def _id(name: str) -> str:
    """Return a node's name; Mermaid reads some names as its own words."""
    return f"{name}_" if name in _OWN else name


def _safe(text: str) -> str:
    """Return a text on one line, without the characters that end a label or begin a tag."""
    return " ".join(text.split()).translate(_PLAIN)
