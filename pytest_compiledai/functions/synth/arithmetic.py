"""Numbers made of numbers: sums, differences, products, shares and straight lines, rounded."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from pytest_compiledai.functions.synth.expressions import NOTHING
from pytest_compiledai.functions.synth.expressions import Call
from pytest_compiledai.functions.synth.expressions import Constant
from pytest_compiledai.functions.synth.expressions import Expression
from pytest_compiledai.functions.synth.expressions import Input
from pytest_compiledai.functions.synth.expressions import value_of

Example = tuple[Mapping[str, Any], Any]
HUNDRED = Constant(100)
LEAST_ROWS = 4  # a straight line goes through any two


def learned(rows: Sequence[Example], *, integer: bool) -> Expression | None:
    """Return the first expression that gives every row's number, None where none does."""
    if len(rows) < LEAST_ROWS:
        return None
    leaves = list(_leaves(rows[0][0]))
    for made in itertools.chain(leaves, _pairs(leaves), _triples(leaves), _lines(leaves, rows)):
        for form in _rounded(made, integer=integer):
            if all(_equal(value_of(form, data), output) for data, output in rows):
                return form
    return None


def _equal(value: Any, output: Any) -> bool:
    return value is not NOTHING and type(value) in (int, float) and value == output


def _leaves(data: Mapping[str, Any]) -> Iterator[Expression]:
    for name in sorted(data):
        value, source = data[name], Input(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield source
        elif isinstance(value, list):
            yield Call("len", (source,))
            if value and all(type(item) in (int, float) for item in value):
                yield Call("sum", (source,))
        elif isinstance(value, str):
            yield Call("len", (source,))
            yield Call("as_whole", (source,))
            yield Call("as_decimal", (source,))
            for index in (0, 1, -1):
                piece = Call("run", (source, Constant("digits"), Constant(index)))
                yield Call("as_whole", (piece,))


def _pairs(leaves: Sequence[Expression]) -> Iterator[Expression]:
    for one, two in itertools.permutations(leaves, 2):
        for sign in "+-*":
            yield Call(sign, (one, two))
        yield Call("ratio", (one, two))
        share = Call("ratio", (two, HUNDRED))
        yield Call("*", (one, share))
        yield Call("*", (one, Call("+", (Constant(1), share))))
        yield Call("*", (one, Call("-", (Constant(1), share))))
        yield Call("*", (one, Call("+", (Constant(1), two))))
        yield Call("*", (one, Call("-", (Constant(1), two))))
        yield Call("*", (HUNDRED, Call("ratio", (one, two))))


def _triples(leaves: Sequence[Expression]) -> Iterator[Expression]:
    if len(leaves) > 8:
        return
    for one, two, three in itertools.permutations(leaves, 3):
        for inner, outer in itertools.product("+-*", "+-*"):
            yield Call(outer, (Call(inner, (one, two)), three))
        yield Call("ratio", (Call("*", (one, two)), three))
        yield Call("ratio", (Call("-", (one, two)), three))
        part = Call("ratio", (Call("*", (one, two)), HUNDRED))
        yield Call("*", (part, three))


def _lines(leaves: Sequence[Expression], rows: Sequence[Example]) -> Iterator[Expression]:
    """Yield the straight line through the first two rows that differ, for each number."""
    for leaf in leaves:
        points = [(value_of(leaf, data), output) for data, output in rows]
        x0, y0 = points[0]
        other = next(((x, y) for x, y in points if x is not NOTHING and x != x0), None)
        if x0 is NOTHING or other is None:
            continue
        slope = (other[1] - y0) / (other[0] - x0)
        for digits in (0, 2, 4):
            factor = round(slope, digits)
            shift = round(y0 - factor * x0, digits)
            line = Call("*", (leaf, Constant(_plain(factor))))
            yield Call("+", (line, Constant(_plain(shift)))) if shift else line


def _plain(value: float) -> float:
    return int(value) if value == int(value) else value


def _rounded(made: Expression, *, integer: bool) -> Iterator[Expression]:
    if integer:
        yield made
        yield Call("nearest", (made,))
        return
    yield made
    for places in (2, 1, 3, 4):
        yield Call("rounded", (made, Constant(places)))
