"""Learned string transformations and templates: constants, and pieces of the input between."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from pytest_compiledai.functions.synth.expressions import NOTHING
from pytest_compiledai.functions.synth.expressions import Call
from pytest_compiledai.functions.synth.expressions import Concatenation
from pytest_compiledai.functions.synth.expressions import Constant
from pytest_compiledai.functions.synth.expressions import Expression
from pytest_compiledai.functions.synth.expressions import Input
from pytest_compiledai.functions.synth.expressions import cost_of
from pytest_compiledai.functions.synth.expressions import value_of
from pytest_compiledai.functions.synth.parts.ops import RUNS

Example = tuple[Mapping[str, Any], Any]
CASES = ("lower", "upper", "title", "initial", "initials", "slug", "snake", "digits")
ORDERS = ("ymd", "dmy", "mdy")
FORMS = ("YYYY-MM-DD", "DD/MM/YYYY", "MM/DD/YYYY", "DD.MM.YYYY", "YYYYMMDD", "YYYY/MM/DD")
BRACKETS = (("(", ")"), ("[", "]"), ("<", ">"), ('"', '"'), ("'", "'"), ("{", "}"))
MARKS = (":", "=", "#", "-", "@", "/", ",", "|")
INDEXES = (0, 1, 2, 3, -1, -2)
MOST_STEPS = 4_000  # places tried in one search


def learned(rows: Sequence[Example]) -> Expression | None:
    """Return a short text that gives every row's output, None where none was found."""
    first, output = rows[0]
    if all(out == output for _, out in rows):
        return Constant(output)
    atoms = [atom for atom in pieces(first) if is_usable(atom, rows)]
    found = [atom for atom in atoms if fits(atom, rows)]
    if found:
        return min(found, key=lambda atom: (cost_of(atom), repr(atom)))
    return aligned(rows, atoms)


def fits(expression: Expression, rows: Sequence[Example]) -> bool:
    """Return whether an expression gives every row's output."""
    return all(value_of(expression, data) == output for data, output in rows)


def is_usable(atom: Expression, rows: Sequence[Example]) -> bool:
    """Return whether every row has what a piece takes, and its output holds it."""
    values = [(value_of(atom, data), output) for data, output in rows]
    return all(value is not NOTHING and value and value in output for value, output in values)


def pieces(data: Mapping[str, Any]) -> Iterator[Expression]:
    """Yield the pieces of an input that a text may hold, the plainest first."""
    for name in sorted(data):
        value, source = data[name], Input(name)
        if isinstance(value, bool):
            continue
        if isinstance(value, int | float):
            yield from numbers(source)
        elif isinstance(value, str):
            yield source
            yield Call("whole", (source,))
            yield from cased(source)
            yield from dates(source)
            for part in parts_of(value, source):
                yield part
                yield from cased(part)
        elif isinstance(value, list) and value and all(isinstance(item, str) for item in value):
            for mark in (" ", ", ", ",", "\n", "; ", " and ", "-", "/"):
                yield Call("joined", (source, Constant(mark)))


def numbers(source: Expression) -> Iterator[Expression]:
    """Yield the ways to write a number."""
    plain = Call("shown", (source,))
    yield plain
    for places in range(4):
        yield Call("decimals", (source, Constant(places)))
    for width in (2, 3, 4, 5, 6, 8):
        yield Call("padded", (plain, Constant(width)))


def cased(source: Expression) -> Iterator[Expression]:
    """Yield a text in other forms."""
    for case in CASES:
        yield Call(case, (source,))
    first = Call("initial", (source,))
    yield Call("lower", (first,))
    yield Call("upper", (first,))


def dates(source: Expression) -> Iterator[Expression]:
    """Yield a text's date in other forms."""
    for order in ORDERS:
        for form in FORMS:
            yield Call("dated", (source, Constant(order), Constant(form)))


def parts_of(value: str, source: Expression) -> Iterator[Expression]:
    """Yield the parts of a text: runs of characters, what marks enclose, what follows a mark."""
    for kind in RUNS:
        for index in INDEXES:
            yield Call("run", (source, Constant(kind), Constant(index)))
    for left, right in BRACKETS:
        if left in value:
            yield Call("between", (source, Constant(left), Constant(right)))
    for mark in MARKS:
        if mark in value:
            yield Call("after", (source, Constant(mark)))


Step = tuple[int, ...]  # a place in each row's output


def aligned(rows: Sequence[Example], atoms: Sequence[Expression]) -> Expression | None:
    """Return constants and pieces that read all outputs in step, pieces that vary first."""
    outputs = [str(output) for _, output in rows]
    values: dict[tuple[str, ...], Expression] = {}
    for atom in sorted(atoms, key=lambda atom: (cost_of(atom), repr(atom))):
        given = tuple(str(value_of(atom, data)) for data, _ in rows)
        if len(set(given)) > 1:
            values.setdefault(given, atom)
    by_first: dict[str, list[tuple[tuple[str, ...], Expression]]] = {}
    for texts, atom in values.items():
        by_first.setdefault(texts[0][0], []).append((texts, atom))
    for same in by_first.values():
        same.sort(key=lambda pair: (-sum(map(len, pair[0])), cost_of(pair[1])))
    ends = tuple(len(output) for output in outputs)
    start = (0,) * len(rows)
    stack: list[tuple[Step, tuple[Expression | str, ...]]] = [(start, ())]
    seen: set[Step] = set()
    while stack and len(seen) < MOST_STEPS:
        places, path = stack.pop()
        if places == ends:
            return Concatenation(merged(path))
        if places not in seen:
            seen.add(places)
            stack += reversed(list(steps(outputs, places, path, by_first)))
    return None


def steps(
    outputs: Sequence[str],
    places: Step,
    path: tuple[Expression | str, ...],
    by_first: Mapping[str, Sequence[tuple[tuple[str, ...], Expression]]],
) -> Iterator[tuple[Step, tuple[Expression | str, ...]]]:
    """Yield what may follow at a place of each output: a piece, or a character that all have."""
    marks = {output[place : place + 1] for output, place in zip(outputs, places, strict=True)}
    for texts, atom in by_first.get(outputs[0][places[0] : places[0] + 1], ()):
        if all(
            output.startswith(text, place)
            for output, text, place in zip(outputs, texts, places, strict=True)
        ):
            moved = tuple(place + len(text) for place, text in zip(places, texts, strict=True))
            yield moved, (*path, atom)
    if len(marks) == 1 and "" not in marks:
        yield tuple(place + 1 for place in places), (*path, *marks)


def merged(path: Sequence[Expression | str]) -> tuple[Expression, ...]:
    """Return a path with its characters put together to constants."""
    parts: list[Expression] = []
    for item in path:
        before = parts[-1] if parts else None
        if not isinstance(item, str):
            parts.append(item)
        elif isinstance(before, Constant):
            parts[-1] = Constant(before.value + item)
        else:
            parts.append(Constant(item))
    return tuple(parts)
