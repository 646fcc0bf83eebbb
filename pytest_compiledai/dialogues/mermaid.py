"""A flow as a Mermaid flowchart, for reading it and for other tools."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_compiledai.dialogues.guards import as_text

if TYPE_CHECKING:
    from pytest_compiledai.dialogues.flow import Flow


def mermaid(flow: Flow) -> str:
    """Return the flowchart: asking nodes as boxes, routing ones as diamonds, ends rounded."""
    return "\n".join(["flowchart TD", *_nodes(flow), *_ways(flow), ""])


def _nodes(flow: Flow) -> Iterator[str]:
    for name, node in flow.nodes.items():
        if node.routes:
            yield f'  {name}{{"{name}"}}'
        elif node.terminal is not None:
            yield f'  {name}(["{_safe(node.say[0])}"])'
        else:
            yield f'  {name}["{_safe(node.say[0])}"]'


def _ways(flow: Flow) -> Iterator[str]:
    for name, node in flow.nodes.items():
        for edge in node.edges:
            yield f"  {name} -->|{edge.intent}| {edge.to}"
        for route in node.routes:
            guard = f"|{_safe(as_text(route.when))}|" if route.when is not None else ""
            yield f"  {name} -->{guard} {route.to}"


def _safe(text: str) -> str:
    """Return a text without the characters that end a label."""
    return text.translate(
        {ord('"'): "'", ord("|"): "/", ord("{"): "(", ord("}"): ")", ord("["): "(", ord("]"): ")"}
    )
