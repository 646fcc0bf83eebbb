"""Input made wrong on purpose: one thing at a time, derived from the schema and a base input.

The same schema and bases give the same inputs everywhere; nothing is drawn at random.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any
from typing import Final
from typing import NamedTuple

from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.conform import render_path
from pytest_compiledai.gates.case import Malformed
from pytest_compiledai.gates.replacing import replaced

if TYPE_CHECKING:
    from pytest_compiledai.core.conform import Way
    from pytest_compiledai.core.schema import Schema

_LONG: Final = 10_000  # characters of a very long string
_DEPTH: Final = 6  # objects and lists inside one another that are still changed

_TEXTS: Final = (
    ("empty string", ""),
    ("white space", " \t\n "),
    ("very long string", "a" * _LONG),
    ("very long line of spaces", " " * _LONG),
    ("very long number", "9" * _LONG),
    ("control characters", "\x00\x01\x1b[31m\x7f\r\n"),
    ("unicode oddities", "\u202e\u200b\ufeff\u0130\u00df\ufb01\U0001f468\u200d\U0001f469 e\u0301"),
    ("other digits", "\u0661\u0662\u0663 \u00b2 \u2460 \uff11"),
    ("markup", "<b>&amp;</b> %s {0} ${x} \\ ' \" `"),
)
_NUMBERS: Final = (
    ("zero", 0),
    ("negative", -1),
    ("huge integer", 10**30),
    ("huge number", 1e308),
    ("tiny number", 5e-324),
    ("negative zero", -0.0),
)
_OTHERS: Final[tuple[tuple[str, Any], ...]] = (
    ("null", None),
    ("boolean", True),
    ("number", 7),
    ("string", "x"),
    ("list", []),
    ("object", {}),
)
_ROOTS: Final[tuple[tuple[str, Any], ...]] = (
    ("null", None),
    ("a list", []),
    ("a string", "x"),
    ("a number", 7),
    ("empty", {}),
)


class _Spot(NamedTuple):
    """A value inside an input."""

    way: tuple[str | int, ...]
    value: Any


def derive(schema: Schema, bases: Sequence[Any], *, most: int) -> tuple[Malformed, ...]:
    """Return at most ``most`` malformed inputs, each once, never one of the bases.

    ``bases`` are train inputs; where there are none, only roots of the wrong kind can be made.
    When there are more, a hash of each decides which stay, so that every field keeps its chance.
    """
    made: dict[bytes, Malformed] = {}
    known = {canonical_json(base) for base in bases}
    for label, value in _candidates(schema, bases):
        data = canonical_json(value)
        if data not in known:
            made.setdefault(data, Malformed(input=data, label=label))
    if len(made) <= most:
        return tuple(made.values())
    kept = set(sorted(made, key=digest)[:most])
    return tuple(item for data, item in made.items() if data in kept)


def _candidates(schema: Schema, bases: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    for label, root in _ROOTS:
        yield f"the input: {label}", root
    for base in bases:
        yield "an unknown key", {**base, "unexpected_key": "x"}
        for name in schema.node.required:
            yield f"{name}: missing", {key: item for key, item in base.items() if key != name}
        for spot in _spots(base):
            for label, value in _changes(spot.value):
                path = render_path(_linked(spot.way))
                yield f"{path}: {label}", replaced(base, spot.way, value)


def _spots(value: Any, way: tuple[str | int, ...] = ()) -> Iterator[_Spot]:
    if way:
        yield _Spot(way, value)
    if len(way) >= _DEPTH:
        return
    if isinstance(value, dict):
        for key in sorted(value):
            yield from _spots(value[key], (*way, key))
    elif isinstance(value, list) and value:
        yield from _spots(value[0], (*way, 0))


def _changes(value: Any) -> Iterator[tuple[str, Any]]:
    kind = type(value)
    for label, other in _OTHERS:
        if type(other) is not kind:
            yield label, other
    if kind is str:
        yield from _TEXTS
    elif kind in (int, float):
        yield from _NUMBERS
    elif kind is list:
        yield "empty list", []
        yield "list of null", [None]
        yield "list repeated", value * 100
    elif kind is dict:
        yield "empty object", {}
        for name in sorted(value):
            yield f"{name} missing", {key: item for key, item in value.items() if key != name}


def _linked(way: tuple[str | int, ...]) -> Way:
    linked: Way = None
    for step in way:
        linked = (linked, step)
    return linked
