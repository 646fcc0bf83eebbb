"""Inputs that hold what a program itself compares with: its numbers and texts, where they fit.

What a program does on one value alone is met by no golden row and by hardly any draw; but the value
stands in its text (the dictionary of coverage-guided fuzzers). A trigger that is computed does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.node import ArrayNode
from pytest_compiledai.core.node import IntegerNode
from pytest_compiledai.core.node import NumberNode
from pytest_compiledai.core.node import StringNode
from pytest_compiledai.gates.case import Malformed
from pytest_compiledai.gates.edits import Spot
from pytest_compiledai.gates.edits import spots
from pytest_compiledai.gates.literals import collect
from pytest_compiledai.gates.replacing import replaced

if TYPE_CHECKING:
    from pytest_compiledai.core.schema import Schema
    from pytest_compiledai.gates.literals import Scalar

_CHARACTERS: Final = 4_000  # of a text whose length a literal gives
_ITEMS: Final = 200  # of a list
_LITERALS: Final = 400  # that are tried


def aimed(source: str, schema: Schema, bases: Sequence[Any], *, most: int) -> tuple[Malformed, ...]:
    """Return at most ``most`` inputs, valid by ``schema``, that hold a literal of ``source``.

    Each is one of ``bases`` with one value changed. Of more, a hash decides which stay.
    """
    known = {canonical_json(base) for base in bases}
    literals = list(dict.fromkeys(literal.value for literal in collect(source)))
    found: dict[bytes, str] = {}
    for literal in sorted(literals, key=lambda value: digest(repr(value).encode()))[:_LITERALS]:
        for base in bases:
            for spot in spots(base, (schema.node,), ()):
                for value in _at(spot, literal) if spot.way else ():
                    made = replaced(base, spot.way, value)
                    data = canonical_json(made)
                    if data not in known and data not in found and not schema.problems(made):
                        found[data] = f"{'.'.join(map(str, spot.way))}: {literal!r}"
    kept = sorted(found, key=digest)[:most]
    return tuple(Malformed(input=data, label=found[data]) for data in kept)


def _at(spot: Spot, literal: Scalar) -> Iterator[Any]:
    """Yield what a literal aims at in one place of an input."""
    for node in spot.nodes:
        match node, literal:
            case IntegerNode(), int():
                yield from (literal, literal - 1, literal + 1, -literal)
            case NumberNode(), int() | float():
                yield from (literal, -literal)
            case StringNode(), str():
                yield literal
                if isinstance(spot.value, str):
                    yield f"{spot.value} {literal}"
            case StringNode(), int() if isinstance(spot.value, str) and spot.value:
                yield from (str(literal), _sized(spot.value, literal))
            case ArrayNode(), int() if isinstance(spot.value, list) and spot.value:
                yield [spot.value[at % len(spot.value)] for at in range(min(literal, _ITEMS))]


def _sized(text: str, size: int) -> str:
    """Return the characters of ``text`` again and again, as many as a literal says."""
    size = max(0, min(size, _CHARACTERS))
    return (text * (size // len(text) + 1))[:size]
