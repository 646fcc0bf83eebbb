"""Inputs mixed from the constants of a candidate's own text, and what they bring to light."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from itertools import pairwise
from random import Random
from typing import Any
from typing import Final

from pytest_compiledai.core.calls import Program
from pytest_compiledai.core.calls import Sandbox
from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.core.split import Split
from pytest_compiledai.core.unit import Unit
from pytest_compiledai.gates.literals import collect

_MOST: Final = 2_000
_LONGEST: Final = 200


def reached(sandbox: Sandbox, unit: Unit, clean: Program, other: Program) -> bool:
    """Return whether inputs mixed from the constants of ``other`` tell it from ``clean``."""
    inputs = list(dict.fromkeys(map(canonical_json, mixed(unit, other.source.decode("utf-8")))))
    answers = []
    for program in (clean, other):
        with sandbox.open(program) as session:
            answers.append([(a.status, a.value) for a in session.call(inputs)])
    return answers[0] != answers[1]


def mixed(unit: Unit, source_text: str) -> Iterator[Any]:
    """Yield up to 2,000 train inputs with a constant of the text in place of one of their values.

    Two constants that follow one another count as one more. A text becomes the constant, begins or
    ends with it, or gets as many characters as a number says; a number becomes the number or one
    of its neighbours. All are valid by the input schema.
    """
    rows = [row.input for row in unit.body.rows_in(Split.TRAIN)]
    found = [item.value for item in collect(source_text)]
    pairs = [f"{one} {two}" for one, two in pairwise(found) if isinstance(one, str)]
    values = list(dict.fromkeys([*found, *pairs]))
    random = Random(unit.name)
    random.shuffle(values)
    made = 0
    for value in values:
        base = random.choice(rows)
        for name, held in sorted(base.items()):
            for changed in _changes(held, value):
                data = copy.deepcopy(base)
                data[name] = changed
                if made < _MOST and not unit.body.input.problems(data):
                    made += 1
                    yield data


def _changes(held: Any, value: Any) -> Iterator[Any]:
    if isinstance(held, str) and isinstance(value, str):
        if len(value) <= _LONGEST:
            yield from (value, f"{held} {value}", f"{value} {held}")
    elif isinstance(held, str) and isinstance(value, int) and 0 < value <= _LONGEST:
        yield (held + " x" * value)[:value]
    elif type(held) is int and isinstance(value, int):
        yield from (value, value - 1, value + 1)
