"""Inputs at the ends of what a schema allows."""

from __future__ import annotations

import json

import pytest

from pytest_compiledai.core.calls import Program
from pytest_compiledai.core.place import Place
from pytest_compiledai.core.schema import Schema
from pytest_compiledai.gates import fuzz
from pytest_compiledai.gates.edges import edges
from pytest_compiledai.sandbox.native import NativeSandbox

SCHEMA = {
    "type": "object",
    "properties": {
        "day": {"type": "string", "format": "date"},
        "count": {"type": "integer", "minimum": -5, "maximum": 9},
        "words": {"type": "array", "items": {"type": "string", "maxLength": 8}, "maxItems": 30},
        "text": {"type": "string", "maxLength": 500},
    },
    "required": ["day", "count", "words", "text"],
    "additionalProperties": False,
}
BASE = {"day": "2024-05-06", "count": 3, "words": ["a", "b"], "text": "pay 12 to Ann"}


def schema(data):
    return Schema.parse(data, lambda *_: Place(path="a.yaml", line=1))


def made(most=200):
    return [json.loads(data) for data in edges(schema(SCHEMA), [BASE], most=most)]


def test_every_edge_is_valid_and_no_base() -> None:
    """What is made conforms to the schema and is none of the train inputs."""
    assert made()
    assert all(not schema(SCHEMA).problems(value) and value != BASE for value in made())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("day", "9999-12-31"),
        ("day", "2000-02-29"),
        ("count", -5),
        ("count", 9),
        ("words", []),
        ("words", ["a", "b"] * 15),
        ("text", ("pay 12 to Ann " * 40)[:500]),
        ("text", "pay 999999999999999 to Ann"),
    ],
)
def test_each_end_of_a_field_is_asked(field, value) -> None:
    """The first and last day, both bounds, the longest list and text, a large number in a text."""
    assert {**BASE, field: value} in made()


def test_all_numbers_and_dates_are_at_one_end_together() -> None:
    """What overflows only where two fields are large is met."""
    assert {**BASE, "day": "9999-12-31", "count": 9} in made()


def test_a_cap_keeps_a_part_of_each_run() -> None:
    """At most so many inputs are made, the same ones every time."""
    assert len(made(most=5)) == 5
    assert made(most=5) == made(most=5)


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ("if len(data['words']) == 30: raise ValueError('full')", "fuzz.exception"),
        ("if data['day'] == '9999-12-31': raise OverflowError('date')", "fuzz.exception"),
        ("if data['count'] == 9: return {'total': True}", "fuzz.schema"),
        ("f = lambda n: n and 1 + f(n - 1); f(3 * len(data['text']))", "fuzz.exception"),
    ],
)
def test_code_that_fails_at_an_end_is_refused(body, rule) -> None:
    """A failure that waits for the longest, the last or the largest is a counterexample."""
    source = f"def total(data):\n    {body}\n    return {{'total': data['count']}}\n"
    out = {"type": "object", "properties": {"total": {"type": "integer"}}, "required": ["total"]}
    sandbox = NativeSandbox()
    try:
        verdict = fuzz.judge(
            sandbox=sandbox,
            program=Program(source=source.encode(), function="total"),
            input_schema=schema(SCHEMA),
            output_schema=schema(out),
            train_inputs=[BASE],
            settings=fuzz.FuzzSettings(examples=1, reference="none"),
            coverage=1.0,
            seed=1,
            draw=lambda *_, **__: (b'{"count":1,"day":"2024-05-06","text":"","words":[]}',),
        )
    finally:
        sandbox.close()

    assert [finding.rule for finding in verdict.findings] == [rule]
