"""Paths of fields in an output, such as `lines[].price`, checked against its schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.node import ArrayNode
from pytest_compiledai.core.node import Node
from pytest_compiledai.core.node import ObjectNode
from pytest_compiledai.core.node import UnionNode

if TYPE_CHECKING:
    from pytest_compiledai.core.place import Place
    from pytest_compiledai.core.schema import Schema

_SHOWN = 12  # paths listed in a message


def field_paths(schema: Schema) -> tuple[str, ...]:
    """Return the path of every value the schema names, outer before inner."""
    return tuple(dict.fromkeys(_paths(schema.node, "")))


def check_path(path: str, schema: Schema, place: Place) -> None:
    """Raise ``SpecError`` unless the schema names ``path``."""
    paths = field_paths(schema)
    if path not in paths:
        listed = ", ".join(paths[:_SHOWN]) + (", ..." if len(paths) > _SHOWN else "")
        raise SpecError(where=place, found=f"the field `{path}`", expected=f"one of {listed}")


def _paths(node: Node, path: str) -> Iterator[str]:
    if isinstance(node, UnionNode):
        for option in node.options:
            yield from _paths(option, path)
    elif isinstance(node, ArrayNode):
        yield f"{path}[]"
        yield from _paths(node.items, f"{path}[]")
    elif isinstance(node, ObjectNode):
        for name, child in node.properties.items():
            inner = f"{path}.{name}" if path else name
            yield inner
            yield from _paths(child, inner)
