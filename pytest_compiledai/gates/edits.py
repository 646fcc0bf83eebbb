"""Edits of train inputs: what will come looks like what has been, with other values in it.

An edit that leaves the schema is dropped. The same generator state gives the same edits.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING
from typing import Any
from typing import Final
from typing import NamedTuple
from typing import TypeAlias

from pytest_compiledai.core.node import ArrayNode
from pytest_compiledai.core.node import EnumNode
from pytest_compiledai.core.node import Node
from pytest_compiledai.core.node import ObjectNode
from pytest_compiledai.core.node import UnionNode
from pytest_compiledai.gates import textedits
from pytest_compiledai.gates.replacing import replaced

if TYPE_CHECKING:
    from pytest_compiledai.core.schema import Schema

Way: TypeAlias = "tuple[str | int, ...]"
_DIGITS: Final = re.compile(r"[0-9]")
_TRIES: Final = 8  # edits tried before the base is given back as it is


class Spot(NamedTuple):
    """A value inside an input."""

    way: Way
    value: Any
    nodes: tuple[Node, ...]  # what the schema allows here, unions opened


def edit(base: Any, schema: Schema, others: Sequence[Any], random: Random) -> Any:
    """Return ``base`` with one thing changed, valid by ``schema``.

    ``others`` are further train inputs, whose values may be taken over. Returns ``base`` itself
    where no edit that was tried stays valid.
    """
    found = list(spots(base, (schema.node,), ()))
    for _ in range(_TRIES):
        spot = random.choice(found)
        changed = _changed(spot, others, random)
        if changed is spot.value:
            continue
        result = replaced(base, spot.way, changed)
        if result != base and not schema.problems(result):
            return result
    return base


def spots(value: Any, nodes: tuple[Node, ...], way: Way) -> Iterator[Spot]:
    """Yield the values inside ``value``, which ``nodes`` describe, outermost first."""
    opened = tuple(_opened(nodes))
    yield Spot(way, value, opened)
    if isinstance(value, dict):
        for key in sorted(value):
            inner = (node.properties.get(key) for node in opened if isinstance(node, ObjectNode))
            below = tuple(node for node in inner if node is not None)
            yield from spots(value[key], below, (*way, key))
    elif isinstance(value, list):
        below = tuple(node.items for node in opened if isinstance(node, ArrayNode))
        for index, item in enumerate(value):
            yield from spots(item, below, (*way, index))


def _opened(nodes: Sequence[Node]) -> Iterator[Node]:
    for node in nodes:
        if isinstance(node, UnionNode):
            yield from _opened(node.options)
        else:
            yield node


def _changed(spot: Spot, others: Sequence[Any], random: Random) -> Any:
    closed = [value for node in spot.nodes if isinstance(node, EnumNode) for value in node.values]
    if closed:
        return random.choice(closed)
    if others and spot.way and random.random() < 1 / 6:  # one edit in six
        return _taken(random.choice(others), spot)
    change = _BY_TYPE.get(type(spot.value))
    return spot.value if change is None else change(spot, others, random)


def _taken(other: Any, spot: Spot) -> Any:
    """Return the other input's value at the same place, or the value that is there."""
    for step in spot.way:
        inside = step in other if isinstance(other, dict) else isinstance(other, list)
        if not inside or (isinstance(other, list) and not _holds(other, step)):
            return spot.value
        other = other[step]
    return copy.deepcopy(other)


def _holds(items: list[Any], step: str | int) -> bool:
    return isinstance(step, int) and step < len(items)


def _text(spot: Spot, others: Sequence[Any], random: Random) -> str:
    del others
    return textedits.edit_text(spot.value, random)


def _whole(spot: Spot, others: Sequence[Any], random: Random) -> int:
    del others
    value: int = spot.value
    return random.choice(
        [value + 1, value - 1, value * 10, value // 2, value + random.randint(2, 97), 0, -value]
    )


def _float(spot: Spot, others: Sequence[Any], random: Random) -> float:
    del others
    value: float = spot.value
    text = repr(value)
    digits = [match.start() for match in _DIGITS.finditer(text)]
    at = random.choice(digits) if digits else 0
    swapped = float(f"{text[:at]}{random.randint(1, 9)}{text[at + 1 :]}") if digits else 0.0
    return random.choice([swapped, round(value * 10, 6), round(value / 10, 6), 0.0])


def _boolean(spot: Spot, others: Sequence[Any], random: Random) -> bool:
    del others, random
    return not spot.value


def _list(spot: Spot, others: Sequence[Any], random: Random) -> list[Any]:
    del others
    items = copy.deepcopy(spot.value)
    if not items:
        return items  # type: ignore[no-any-return]
    at = random.randrange(len(items))
    kind = random.randrange(4)
    if kind == 0:
        random.shuffle(items)
    elif kind == 1:
        items.reverse()
    elif kind == 2:  # noqa: PLR2004 - the third of four
        items.insert(at, copy.deepcopy(items[at]))
    else:
        del items[at]
    return items  # type: ignore[no-any-return]


def _object(spot: Spot, others: Sequence[Any], random: Random) -> dict[str, Any]:
    """Return the object without an optional property, or with one that another input has."""
    value: dict[str, Any] = dict(spot.value)
    shapes = [node for node in spot.nodes if isinstance(node, ObjectNode)]
    needed = {name for node in shapes for name in node.required}
    held = sorted(set(value) - needed)
    found = _taken(random.choice(others), spot) if others else {}
    missing = sorted(set(found) - set(value)) if isinstance(found, dict) else []
    choices = [*((name, False) for name in held), *((name, True) for name in missing)]
    if not choices:
        return value
    name, added = random.choice(choices)
    if added:
        value[name] = found[name]
    else:
        del value[name]
    return value


_BY_TYPE: Final[dict[type, Callable[[Spot, Sequence[Any], Random], Any]]] = {
    str: _text,
    int: _whole,
    float: _float,
    bool: _boolean,
    list: _list,
    dict: _object,
}
