"""Judging values by a schema."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import assume
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from pytest_compiledai.core.conform import Problem
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.place import Place
from pytest_compiledai.core.schema import Schema

WIDE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "queue": {"enum": ["billing", "abuse"]},
        "lines": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"price": {"type": "number", "minimum": 0}},
                "required": ["price"],
            },
        },
        "a b": {"type": "boolean"},
        "when": {"type": ["string", "null"], "format": "date"},
    },
    "required": ["queue"],
}


def parse(data: Any, *, closed: bool = False) -> Schema:
    return Schema.parse(data, lambda *_: Place(path="s"), closed=closed)


def problems_of(child: dict[str, Any], value: Any) -> list[str]:
    """Return what is wrong with one value, by one property's schema."""
    schema = parse({"type": "object", "properties": {"a": child}})
    return [f"{one.found}; {one.expected}" for one in schema.problems({"a": value})]


def test_a_good_value_has_no_problems() -> None:
    """A value that fits has none."""
    value = {"queue": "abuse", "lines": [{"price": 1.5}, {"price": 2}], "a b": True, "when": None}

    assert parse(WIDE, closed=True).problems(value) == ()


def test_all_problems_are_told_with_their_paths() -> None:
    """One look tells everything that is wrong, outer before inner, in the schema's order."""
    value = {"lines": [{"price": -1}, {}], "a b": 1, "when": "2023-02-29", "new": 1}

    found = parse(WIDE, closed=True).problems(value)

    assert [str(problem) for problem in found] == [
        'queue: found nothing; expected one of "billing", "abuse"',
        "lines[0].price: found -1; expected a finite number from 0",
        "lines[1].price: found nothing; expected a finite number from 0",
        '["a b"]: found 1; expected true or false',
        'when: found "2023-02-29"; expected a string of format date',
        "new: found a property; expected no property but a b, lines, queue, when",
    ]


def test_the_value_itself_has_an_empty_path() -> None:
    """A wrong root is told as such."""
    assert parse(WIDE).problems([]) == (
        Problem(path="", found="an empty list", expected="an object"),
    )
    assert str(parse(WIDE).problems("x")[0]).startswith("the value: found")


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"type": "integer"}, [0, -3, 10**30], [True, 1.0, "1", None, 1.5]),
        ({"type": "integer", "minimum": 2, "maximum": 6, "multipleOf": 2}, [2, 4, 6], [0, 3, 8]),
        ({"type": "number"}, [0, 1.5, 10**400], [True, float("nan"), float("inf"), "1"]),
        ({"type": "number", "exclusiveMinimum": 0, "maximum": 1}, [0.1, 1, 1.0], [0, 1.1]),
        ({"type": "number", "exclusiveMaximum": 1}, [0.99], [1, 1.0]),
        ({"type": "number", "multipleOf": 0.01}, [19.99, 0.07, 3, 1e22], [19.995, 1e-7]),
        ({"type": "boolean"}, [True, False], [0, 1, "true"]),
        ({"type": "null"}, [None], [0, False, ""]),
        (
            {"type": "string", "minLength": 1, "maxLength": 2},
            ["a", "éé", "\U0001f600a"],
            ["", "abc", 1],
        ),
        ({"type": "string"}, ["", "é"], ["\ud800", b"x"]),
        ({"type": "string", "pattern": "b$"}, ["ab"], ["ba", "ab\n"]),
        ({"type": "string", "format": "date"}, ["2024-02-29"], ["2023-02-29", "20240229"]),
        ({"enum": [1, "a", None]}, [1, "a", None], [True, 1.0, "b", False]),
        ({"enum": [True]}, [True], [1, 1.0]),
        ({"enum": [0.5, 2.0]}, [0.5, 2.0, 2], [True, 1]),
        ({"const": 0}, [0], [False, 0.0, None]),
        ({"type": ["integer", "null"]}, [1, None], [1.5, "x"]),
        ({"anyOf": [{"type": "string", "maxLength": 1}, {"const": 5}]}, ["a", 5], ["ab", 6]),
        (
            {"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 2},
            [[1], [1, 2]],
            [[], [1, 2, 3], ["a"], (1,)],
        ),
        (
            {
                "type": "array",
                "items": {"type": ["number", "boolean", "null"]},
                "uniqueItems": True,
            },
            [[1, True, 0, False, None]],
            [[1, 1.0], [True, True], [None, None]],
        ),
        (
            {"type": "object", "additionalProperties": {"type": "null"}},
            [{}, {"x": None}],
            [{"x": 1}],
        ),
    ],
)
def test_values_are_judged_exactly(schema: dict[str, Any], good: list[Any], bad: list[Any]) -> None:
    """Types are exact: true is not 1, 1.0 is no integer, an enum holds what it states."""
    assert [value for value in good if problems_of(schema, value)] == []
    assert [value for value in bad if not problems_of(schema, value)] == []


def test_unique_items_compare_deeply() -> None:
    """Objects and lists are equal when their JSON is, whatever the order of keys."""
    items = {"type": "object", "properties": {"x": {"type": "array", "items": {"type": "number"}}}}
    schema = {"type": "array", "items": items, "uniqueItems": True}

    assert problems_of(schema, [{"x": [1], "y": 2}, {"x": [True and 1.0], "y": 3}]) == []
    assert problems_of(schema, [{"x": [1], "y": 2}, {"y": 2.0, "x": [1.0]}]) == [
        "an object of 2 properties; an item that differs from item 0"
    ]


def test_a_union_tells_the_problems_of_the_option_meant() -> None:
    """Where one option has the value's type, its problems are told; else what is expected."""
    item = {"type": "object", "properties": {"x": {"type": "null"}}}
    schema = {"anyOf": [item, {"type": "null"}]}

    assert problems_of(schema, {"x": 1}) == ["1; null"]
    assert problems_of(schema, 3) == ["3; an object or null"]


def test_problems_are_capped() -> None:
    """A long list of wrong items ends after 20 problems."""
    items = {"type": "array", "items": {"type": "null"}}
    open_ended = {"type": "object", "additionalProperties": {"type": "null"}}

    assert len(problems_of(items, [1] * 1000)) == 20
    assert len(problems_of(open_ended, {str(n): 1 for n in range(1000)})) == 20
    assert (
        len(problems_of({**items, "items": {"type": "integer"}, "uniqueItems": True}, [1] * 1000))
        == 20
    )


def test_long_values_are_cut_in_messages() -> None:
    """A message never carries a whole large value."""
    assert problems_of({"type": "null"}, "x" * 1000) == [f'"{"x" * 60}"... (1000 characters); null']
    assert problems_of({"type": "null"}, 10**5000) == ["a very large integer; null"]
    assert problems_of({"type": "null"}, "\u202e") == ['"\\u202e"; null']


def test_deep_values_do_not_raise() -> None:
    """Nesting beyond the interpreter's stack is a problem, not an exception."""
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    items = {"type": "object", "properties": {}, "additionalProperties": True}
    schema = {"type": "array", "items": items, "uniqueItems": True}

    assert problems_of(schema, [{"x": deep}]) == ["an object of 1 properties; at most 100 levels"]
    # Taken apart by hand: the interpreter frees deep lists within its own stack.
    while deep:
        deep = deep.pop()


def scalars() -> st.SearchStrategy[Any]:
    """Values whose JSON every validator types alike: no float with a fraction of zero."""
    halves = st.integers(-9, 9).map(lambda n: n + 0.5)
    return st.none() | st.booleans() | st.integers(-9, 9) | halves | st.text("ab1", max_size=4)


def values() -> st.SearchStrategy[Any]:
    """Small JSON values."""
    keys = st.sampled_from("xyz")
    return st.recursive(
        scalars(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
        max_leaves=6,
    )


def optional(**keywords: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=keywords)


SMALL = st.integers(0, 3)
LEAVES = st.one_of(
    st.just({"type": "boolean"}),
    st.just({"type": "null"}),
    st.builds(
        dict, st.lists(scalars(), min_size=1, max_size=3, unique_by=repr).map(lambda v: {"enum": v})
    ),
    optional(
        minLength=SMALL,
        maxLength=st.integers(3, 5),
        pattern=st.sampled_from(["^a", "b$", "[ab]1", "^(a|b)*$"]),
    ).map(lambda k: {"type": "string", **k}),
    optional(
        minimum=st.integers(-9, 0), exclusiveMaximum=st.integers(6, 9), multipleOf=st.integers(1, 3)
    ).map(lambda k: {"type": "integer", **k}),
    optional(
        exclusiveMinimum=st.integers(-9, 0), maximum=st.integers(6, 9), multipleOf=st.just(0.5)
    ).map(lambda k: {"type": "number", **k}),
    optional(minLength=SMALL, minimum=SMALL).map(
        lambda k: {"type": ["string", "integer", "null"], **k}
    ),
)


@st.composite
def objects(draw: st.DrawFn, inner: st.SearchStrategy[Any]) -> dict[str, Any]:
    """Draw an object's schema over a few names."""
    named = draw(st.dictionaries(st.sampled_from("xy"), inner, max_size=2))
    schema: dict[str, Any] = {"type": "object", "properties": named}
    if named:
        schema["required"] = draw(st.lists(st.sampled_from(sorted(named)), unique=True))
    if draw(st.booleans()):
        schema["additionalProperties"] = draw(st.booleans() | inner)
    return schema


def compound(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Make lists, objects and unions of smaller schemas."""
    lists = st.builds(
        lambda items, more: {"type": "array", "items": items, **more},
        inner,
        optional(minItems=SMALL, maxItems=st.integers(3, 4), uniqueItems=st.booleans()),
    )
    unions = st.lists(inner, min_size=2, max_size=3, unique_by=repr).map(
        lambda all_: {"anyOf": all_}
    )
    return lists | objects(inner) | unions


SCHEMAS = st.recursive(LEAVES, compound, max_leaves=5)


@settings(max_examples=300, derandomize=True, database=None, deadline=None)
@given(child=SCHEMAS, more=st.lists(values(), min_size=1, max_size=6))
def test_agrees_with_the_reference_validator(child: dict[str, Any], more: list[Any]) -> None:
    """On values that all validators type alike, the verdict is that of `jsonschema`."""
    data = {"type": "object", "properties": {"a": child}}
    try:
        schema = parse(data)
    except SpecError:
        assume(False)  # two options that normalise to the same, or bounds that leave no value
    reference = jsonschema.Draft202012Validator(data)

    for value in more:
        assert reference.is_valid({"a": value}) == (not schema.problems({"a": value}))
