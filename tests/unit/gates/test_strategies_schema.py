"""Every value drawn from a schema conforms to it."""

from __future__ import annotations

import json

import pytest
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable

from pytest_compiledai.core.place import Place
from pytest_compiledai.core.schema import Schema
from pytest_compiledai.gates.drawing import generate
from pytest_compiledai.gates.strategies import Strategies

LEAVES = {
    "any text": {"type": "string"},
    "short text": {"type": "string", "minLength": 2, "maxLength": 3},
    "one text": {"type": "string", "minLength": 400, "maxLength": 400},
    "pattern": {"type": "string", "pattern": "^[A-Z]{2,3}-[0-9]+(x|yz)?$"},
    "loose pattern": {"type": "string", "pattern": "[^a-z ]\\d.\\w*"},
    "pattern and length": {"type": "string", "pattern": "^[ab]+$", "minLength": 3, "maxLength": 5},
    "date": {"type": "string", "format": "date"},
    "time": {"type": "string", "format": "time"},
    "date-time": {"type": "string", "format": "date-time"},
    "email": {"type": "string", "format": "email"},
    "uri": {"type": "string", "format": "uri"},
    "uuid": {"type": "string", "format": "uuid"},
    "ipv4": {"type": "string", "format": "ipv4"},
    "integer": {"type": "integer"},
    "least": {"type": "integer", "minimum": 10**12},
    "most": {"type": "integer", "maximum": -(10**9)},
    "steps": {"type": "integer", "minimum": -7, "maximum": 20, "multipleOf": 7},
    "number": {"type": "number"},
    "narrow number": {"type": "number", "minimum": 0.1, "maximum": 0.2},
    "open number": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    "cents": {"type": "number", "minimum": 0, "multipleOf": 0.01},
    "highest": {"type": "number", "maximum": -1e12},
    "boolean": {"type": "boolean"},
    "null": {"type": "null"},
    "enum": {"enum": ["a", 1, 1.5, None, True]},
    "union": {"anyOf": [{"type": "string", "maxLength": 2}, {"type": "integer", "minimum": 5}]},
    "types": {"type": ["string", "null"]},
    "list": {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 3},
    "unique": {"type": "array", "items": {"enum": [1, 2, 3]}, "uniqueItems": True, "minItems": 2},
    "unique texts": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
    "map": {
        "type": "object",
        "properties": {"extra": {"type": "null"}},
        "additionalProperties": {"type": "integer"},
    },
    "closed": {
        "type": "object",
        "properties": {"a": {"type": "boolean"}, "b": {"type": "boolean"}},
        "required": ["b"],
        "additionalProperties": False,
    },
    "nested": {
        "type": "array",
        "items": {"type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"]},
    },
}


def drawn(leaf, *, count=60, texts=("Alice 7",)):
    schema = Schema.parse(
        {"type": "object", "properties": {"v": leaf}, "required": ["v"]},
        lambda *_: Place(path="x"),
    )
    found: dict[bytes, None] = {}
    generate(Strategies(texts=texts).of(schema.node), found, count=count, seed=5)
    return schema, [json.loads(data) for data in found]


@pytest.mark.parametrize("name", sorted(LEAVES))
def test_every_value_conforms(name):
    """What is drawn is valid, and there is something to draw."""
    schema, values = drawn(LEAVES[name])

    assert values
    assert [value for value in values if schema.problems(value)] == []


def test_texts_of_train_inputs_are_drawn():
    """Texts as they come are among the texts drawn."""
    _, values = drawn({"type": "string"}, count=200, texts=("a telling text",))

    assert "a telling text" in [value["v"] for value in values]


def test_a_refused_input_takes_no_other_with_it():
    """Inputs are kept as they are drawn: of many in one test case, one is refused for sure."""
    found: dict[bytes, None] = {}
    generate(st.integers(0, 9).filter(lambda n: n > 6), found, count=200, seed=5)

    assert sorted(found) == [b"7", b"8", b"9"]


def test_a_strategy_that_draws_nothing_says_so():
    """Where every input is refused, Hypothesis' own error comes through."""
    with pytest.raises(Unsatisfiable):
        generate(st.integers(0, 9).filter(lambda n: n > 9), {}, count=20, seed=5)


@pytest.mark.parametrize("count", [1, 20, 200, 450])
def test_most_of_what_is_asked_for_is_drawn_and_no_more(count):
    """A round that is not full draws in smaller test cases, and its inputs rarely repeat."""
    _, values = drawn({"type": "string"}, count=count)

    assert 0.6 * count <= len(values) <= count


def test_optional_and_unnamed_properties_come_and_go():
    """Objects are drawn with and without what need not be there."""
    _, values = drawn(LEAVES["map"], count=100)
    keys = {tuple(sorted(value["v"])) for value in values}

    assert {(), ("extra",)} <= keys
    assert any("x-note" in each for each in keys)


def test_texts_reach_beyond_ascii():
    """Odd letters and digits are drawn."""
    _, values = drawn({"type": "string"}, count=200)

    assert any(not value["v"].isascii() for value in values)
