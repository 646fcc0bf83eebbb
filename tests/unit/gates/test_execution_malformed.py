"""Malformed input, derived from a schema and a base."""

from __future__ import annotations

import json

from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.core.place import Place
from pytest_compiledai.core.schema import Schema
from pytest_compiledai.gates.malformed import derive

SCHEMA = Schema.parse(
    {
        "type": "object",
        "properties": {
            "text": {"type": "string"},
            "lines": {
                "type": "array",
                "items": {"type": "object", "properties": {"price": {"type": "number"}}},
            },
        },
        "required": ["text"],
    },
    lambda *_: Place(path="x"),
)
BASE = {"text": "a", "lines": [{"price": 1.5}]}


def made():
    return {item.label: json.loads(item.input) for item in derive(SCHEMA, [BASE], most=1000)}


def test_one_thing_is_wrong_at_a_time():
    """Missing, wrong type, null, empty, huge, long, control, unicode and extra each occur."""
    found = made()

    assert found["text: missing"] == {"lines": [{"price": 1.5}]}
    assert found["text: null"] == {**BASE, "text": None}
    assert found["text: number"] == {**BASE, "text": 7}
    assert found["text: empty string"] == {**BASE, "text": ""}
    assert len(found["text: very long string"]["text"]) == 10_000
    assert "\x1b" in found["text: control characters"]["text"]
    assert "\u202e" in found["text: unicode oddities"]["text"]
    assert found["lines: empty list"] == {**BASE, "lines": []}
    assert found["lines[0].price: huge number"] == {**BASE, "lines": [{"price": 1e308}]}
    assert found["lines[0]: empty object"] == {**BASE, "lines": [{}]}
    assert found["an unknown key"] == {**BASE, "unexpected_key": "x"}
    assert found["the input: null"] is None


def test_the_base_is_never_among_them():
    """What is valid and known is not malformed."""
    assert canonical_json(BASE) not in {i.input for i in derive(SCHEMA, [BASE], most=1000)}


def test_the_same_inputs_every_time_and_never_more_than_asked():
    """A bound keeps a choice that only hashes decide."""
    one = derive(SCHEMA, [BASE], most=15)

    assert len(one) == 15
    assert derive(SCHEMA, [BASE], most=15) == one
    assert len({item.input for item in one}) == 15


def test_without_a_base_roots_of_the_wrong_kind_remain():
    """No train row still leaves something to refuse."""
    assert [item.label for item in derive(SCHEMA, [], most=60)] == [
        "the input: null",
        "the input: a list",
        "the input: a string",
        "the input: a number",
        "the input: empty",
    ]
