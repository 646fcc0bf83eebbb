"""Inputs at the ends of what a schema allows: the smallest, the largest, the longest, the rarest.

What is drawn by chance hardly ever is as long as it may be, or the last day of the calendar; and
work that grows too fast shows on large inputs alone. All are made from train inputs, one value at
a time, then all numbers and dates at one end; nothing is drawn at random.
"""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.node import ArrayNode
from pytest_compiledai.core.node import EnumNode
from pytest_compiledai.core.node import IntegerNode
from pytest_compiledai.core.node import Node
from pytest_compiledai.core.node import NumberNode
from pytest_compiledai.core.node import StringNode
from pytest_compiledai.gates.edits import Spot
from pytest_compiledai.gates.edits import spots
from pytest_compiledai.gates.replacing import replaced

if TYPE_CHECKING:
    from pytest_compiledai.core.schema import Schema

_BASES: Final = 3  # train inputs that are changed
_CHARACTERS: Final = 4_000  # of a text without a shorter bound
_ITEMS: Final = 200  # of a list without a shorter bound
_NUMBER: Final = re.compile(r"[0-9]+")
_LARGE_NUMBER: Final = "9" * 15  # still exact as a float
#: First, last and odd values of the formats, the first of each first and its last second.
_FORMATS: Final[Mapping[str, tuple[str, ...]]] = {
    "date": ("0001-01-01", "9999-12-31", "2000-02-29", "1900-02-28", "1970-01-01"),
    "time": ("00:00:00Z", "23:59:59.999999Z", "23:59:59+14:00"),
    "date-time": (
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999Z",
        "2000-02-29T23:59:59-12:00",
        "1970-01-01T00:00:00+14:00",
    ),
    "ipv4": ("0.0.0.0", "255.255.255.255"),  # noqa: S104 - a text, no address to listen at
    "uuid": ("00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
}


def edges(schema: Schema, bases: Sequence[Any], *, most: int) -> tuple[bytes, ...]:
    """Return at most ``most`` distinct inputs as canonical JSON, valid by ``schema``.

    ``bases`` are train inputs; none of them is returned. When there are more, a hash of each
    decides which stay.
    """
    known = {canonical_json(base) for base in bases}
    made: dict[bytes, None] = {}
    for value in _candidates(schema, bases):
        data = canonical_json(value)
        if data not in known and not schema.problems(value):
            made[data] = None
    kept = set(sorted(made, key=digest)[:most])
    return tuple(data for data in made if data in kept)


def _candidates(schema: Schema, bases: Sequence[Any]) -> Iterator[Any]:
    for base in bases[:_BASES]:
        found = [spot for spot in spots(base, (schema.node,), ()) if spot.way]
        for spot in found:
            for value in _ends(spot, bases):
                yield replaced(base, spot.way, value)
        for end in (0, 1):
            yield _all_at(base, found, end)


def _all_at(base: Any, found: Sequence[Spot], end: int) -> Any:
    """Return ``base`` with every number and date of it at its lower, or upper, end."""
    for spot in found:
        ends = [pair[end] for node in spot.nodes if (pair := _pair(node))]
        if ends and ends[0] is not None:
            base = replaced(base, spot.way, ends[0])
    return base


def _pair(node: Node) -> tuple[Any, Any] | None:
    match node:
        case IntegerNode() | NumberNode():
            return node.minimum, node.maximum
        case StringNode(format=str(name)) if name in _FORMATS:
            return _FORMATS[name][0], _FORMATS[name][1]
    return None


def _ends(spot: Spot, bases: Sequence[Any]) -> Iterator[Any]:
    for node in spot.nodes:
        match node:
            case EnumNode():
                yield from node.values
            case IntegerNode():
                yield from (item for item in (node.minimum, node.maximum) if item is not None)
                yield from (0, 1, -1)
            case NumberNode():
                yield from _of_number(node)
            case StringNode():
                yield from _of_text(node, spot.value)
            case ArrayNode():
                yield from _of_list(node, spot, bases)


def _of_number(node: NumberNode) -> Iterator[float]:
    yield from (0, 1, -1)
    yield from (item for item in (node.minimum, node.maximum) if item is not None)
    if node.exclusive_minimum is not None:
        yield math.nextafter(node.exclusive_minimum, math.inf)
    if node.exclusive_maximum is not None:
        yield math.nextafter(node.exclusive_maximum, -math.inf)


def _of_text(node: StringNode, value: Any) -> Iterator[str]:
    yield from _FORMATS.get(node.format or "", ())
    text = value if isinstance(value, str) else ""
    yield ""
    yield text[:1]
    longest = _CHARACTERS if node.max_length is None else min(node.max_length, _CHARACTERS)
    if text and node.format is None:
        for piece in (text, f"{text} ", text[-1:]):
            yield (piece * (longest // len(piece) + 1))[:longest]
        for match in (*_NUMBER.finditer(text),)[:2]:
            yield text[: match.start()] + _LARGE_NUMBER + text[match.end() :]


def _of_list(node: ArrayNode, spot: Spot, bases: Sequence[Any]) -> Iterator[list[Any]]:
    items = spot.value if isinstance(spot.value, list) else []
    pool = items or [item for base in bases for item in _list_at(base, spot.way)][:1]
    longest = _ITEMS if node.max_items is None else min(node.max_items, _ITEMS)
    yield []
    yield copy.deepcopy(pool[:1])
    if pool:
        yield [copy.deepcopy(pool[index % len(pool)]) for index in range(longest)]
    if not isinstance(node.items, ArrayNode):
        for item in _ends(Spot((), None, (node.items,)), ()):
            yield [item]


def _list_at(base: Any, way: Sequence[str | int]) -> list[Any]:
    for step in way:
        inside = isinstance(base, dict) and step in base
        if not inside:
            return []
        base = base[step]
    return base if isinstance(base, list) else []
