"""Schemas and values in words, for messages."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from typing import Final

from pytest_compiledai.core.node import ArrayNode
from pytest_compiledai.core.node import BooleanNode
from pytest_compiledai.core.node import EnumNode
from pytest_compiledai.core.node import IntegerNode
from pytest_compiledai.core.node import Node
from pytest_compiledai.core.node import NullNode
from pytest_compiledai.core.node import NumberNode
from pytest_compiledai.core.node import ObjectNode
from pytest_compiledai.core.node import StringNode
from pytest_compiledai.core.node import UnionNode

_SHOWN_CHARACTERS: Final = 60
_SHOWN_OPTIONS: Final = 8


def shown(value: Any) -> str:
    """Return a value for a message: scalars as JSON, cut; the rest by its kind and size."""
    if isinstance(value, dict):
        return f"an object of {len(value)} properties" if value else "an empty object"
    if isinstance(value, list):
        return f"a list of {len(value)} items" if value else "an empty list"
    if isinstance(value, str):
        return quoted(value)
    if type(value) is int and abs(value) >= 10**_SHOWN_CHARACTERS:
        return "a very large integer"
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    return f"a {type(value).__name__}, which is not JSON"


def quoted(text: str) -> str:
    """Return a text in double quotes, cut, what cannot be printed as its code."""
    if len(text) > _SHOWN_CHARACTERS:
        return f"{json.dumps(text[:_SHOWN_CHARACTERS])}... ({len(text)} characters)"
    return json.dumps(text, ensure_ascii=not text.isprintable())


def describe(node: Node) -> str:
    """Return what a node asks for, for a message: `an integer from 1 to 5`."""
    return _DESCRIPTIONS[type(node)](node)


def sized(low: int, high: int | None, noun: str) -> str:
    """Return bounds of a count: `2 to 5 items`."""
    if high is None:
        return f"at least {low} {noun}{'' if low == 1 else 's'}"
    plural = "" if high == 1 else "s"
    return f"{high} {noun}{plural}" if low == high else f"{low} to {high} {noun}{plural}"


def listed(names: list[str]) -> str:
    """Return names with commas, the first few where there are many."""
    more = len(names) - _SHOWN_OPTIONS
    text = ", ".join(names[:_SHOWN_OPTIONS])
    return f"{text} and {more} more" if more > 0 else text


def _describe_string(node: StringNode) -> str:
    if node.pattern is not None:
        return f"a string that matches {node.pattern}"
    return "a string" if node.format is None else f"a string of format {node.format}"


def _describe_number(node: IntegerNode | NumberNode) -> str:
    words = ["an integer" if isinstance(node, IntegerNode) else "a finite number"]
    if isinstance(node, NumberNode) and node.exclusive_minimum is not None:
        words.append(f"above {node.exclusive_minimum}")
    if isinstance(node, NumberNode) and node.exclusive_maximum is not None:
        words.append(f"below {node.exclusive_maximum}")
    if node.minimum is not None:
        words.append(f"from {node.minimum}")
    if node.maximum is not None:
        words.append(f"up to {node.maximum}")
    if node.multiple_of is not None:
        words.append(f"in steps of {node.multiple_of}")
    return " ".join(words)


def _describe_enum(node: EnumNode) -> str:
    texts = listed([shown(value) for value in node.values])
    return texts if len(node.values) == 1 else f"one of {texts}"


_DESCRIPTIONS: Final[dict[type, Callable[[Any], str]]] = {
    ObjectNode: lambda _: "an object",
    ArrayNode: lambda _: "a list",
    StringNode: _describe_string,
    IntegerNode: _describe_number,
    NumberNode: _describe_number,
    BooleanNode: lambda _: "true or false",
    NullNode: lambda _: "null",
    EnumNode: _describe_enum,
    UnionNode: lambda node: " or ".join(describe(option) for option in node.options),
}
