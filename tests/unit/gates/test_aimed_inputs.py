"""Inputs that a program's own literals aim at."""

from __future__ import annotations

import json

import pytest

from pytest_compiledai.core.calls import Program
from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.core.place import Place
from pytest_compiledai.core.schema import Schema
from pytest_compiledai.gates import execution
from pytest_compiledai.gates.aimed import aimed
from pytest_compiledai.sandbox.native import NativeSandbox

INPUT = Schema.parse(
    {
        "type": "object",
        "properties": {
            "text": {"type": "string", "maxLength": 40},
            "n": {"type": "integer", "minimum": -10, "maximum": 1_000_000},
            "list": {"type": "array", "items": {"type": "integer"}},
        },
        "required": ["text", "n", "list"],
        "additionalProperties": False,
    },
    lambda *_: Place(path="a.yaml"),
)
OUTPUT = Schema.parse(
    {"type": "object", "properties": {"m": {"type": "integer"}}}, lambda *_: Place(path="a.yaml")
)
BASE = {"text": "word", "n": 5, "list": [4]}


def changed(source, most=100):
    """Return the field and the value that each input differs from the base in."""
    made = [json.loads(item.input) for item in aimed(source, INPUT, [BASE], most=most)]
    return [(key, value[key]) for value in made for key in BASE if value[key] != BASE[key]]


def test_a_number_stands_in_its_place_with_its_neighbours():
    """Triggers are compared with by `==`, `<` and `>`; what the schema forbids is left out."""
    found = [value for key, value in changed("def f(d): return d['n'] > 777_123") if key == "n"]

    assert [777_122, 777_123, 777_124] == sorted(found)


def test_a_text_stands_alone_and_at_an_end():
    """A text is compared as a whole or looked for."""
    found = changed("def f(d): return 'magic' in d['text']")

    assert ("text", "magic") in found
    assert ("text", "word magic") in found


def test_a_number_can_be_a_size():
    """Texts and lists are as long as a literal says."""
    found = changed("def f(d): return len(d['text']) == 23")

    assert ("text", ("word" * 6)[:23]) in found
    assert ("list", [4] * 23) in found


def test_of_many_literals_a_bounded_number_is_asked():
    """Which ones does not depend on their order."""
    numbers = [str(number) for number in range(300, 360)]
    one, other = (f"T = [{', '.join(each)}]" for each in (numbers, reversed(numbers)))

    assert 7 == len(changed(one, most=7))
    assert changed(one, most=7) == changed(other, most=7)


STATE = """
import difflib
KEPT = difflib.SequenceMatcher(None, "ab", "ab")

def f(data):
    if not isinstance(data, dict):
        raise Abstain("no object")
    if data["n"] == 777_123:
        KEPT.set_seq2("xy")
    return {"m": int(KEPT.ratio())}
"""


@pytest.mark.parametrize("is_asked", [True, False])
def test_state_that_one_value_changes_is_found(is_asked):
    """No golden row meets the value; without aimed inputs nothing does."""
    rows = [canonical_json(BASE | {"n": n}) for n in range(8)]
    place = Place(path="rows.jsonl", line=1)
    sandbox = NativeSandbox()
    try:
        found = execution.judge(
            sandbox=sandbox,
            program=Program(source=STATE.encode(), function="f"),
            cases=[execution.Case(input=data, place=place, quotable=True) for data in rows],
            malformed=(),
            aimed=aimed(STATE, INPUT, [BASE], most=50) if is_asked else (),
            input_schema=INPUT,
            output_schema=OUTPUT,
            seed=3,
        )
    finally:
        sandbox.close()

    rules = {"execution.unstable", "execution.state"} if is_asked else set()
    assert rules >= {item.rule for item in found.findings}
    assert is_asked == bool(found.findings)
