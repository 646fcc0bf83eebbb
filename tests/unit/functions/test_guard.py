"""The generated guard: it and the schema refuse the same values."""

from __future__ import annotations

import ast
import re
import timeit

import pytest
from hypothesis import HealthCheck
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.formats import FORMATS
from pytest_compiledai.core.pattern import compile_pattern
from pytest_compiledai.core.place import Place
from pytest_compiledai.core.schema import Schema
from pytest_compiledai.functions import guard
from pytest_compiledai.functions.imports import render
from pytest_compiledai.functions.library import Library
from pytest_compiledai.gates.complexity import complexities

PLACE = Place(path="specs/x.yaml", line=1)


def parse(data):
    return Schema.parse(data, lambda *_: PLACE)


def guard_of(schema, run_artifact):
    """Return the guard as a predicate, and the reason it gave last."""
    text = guard.guard_text(schema.node)
    parts = Library.shipped().needed(text, hidden=True)
    imports = render(item for part in parts for item in part.imports)
    copied = "".join(part.text for part in parts)
    space = run_artifact(
        f"from __future__ import annotations\nimport re\n{imports}\n{copied}\n{text}"
    )
    return space[guard.ROOT], space["Abstain"]


def reason(schema, run_artifact, value):
    check, abstain = guard_of(schema, run_artifact)
    try:
        check(value)
    except abstain as refusal:
        return str(refusal)
    return ""


SCALARS = [
    {"type": "string"},
    {"type": "string", "minLength": 1, "maxLength": 3},
    {"type": "string", "pattern": "^[a-c]+$"},
    {"type": "string", "pattern": "a.c"},
    {"type": "string", "format": "date"},
    {"type": "integer"},
    {"type": "integer", "minimum": -2, "maximum": 5},
    {"type": "integer", "multipleOf": 3},
    {"type": "number"},
    {"type": "number", "minimum": 0, "exclusiveMaximum": 2.5},
    {"type": "number", "multipleOf": 0.1},
    {"type": "boolean"},
    {"type": "null"},
    {"enum": ["a", 1, 2.0, True, None]},
    {"enum": ["free", "pro"]},
    {"const": 7},
    {"type": ["string", "null"]},
    {"type": ["integer", "boolean"]},
    {"anyOf": [{"type": "string", "maxLength": 1}, {"type": "integer", "minimum": 3}]},
]


def arrays(inner):
    return st.builds(
        lambda items, low, high, unique: {
            "type": "array",
            "items": items,
            "minItems": low,
            "uniqueItems": unique,
            **({"maxItems": low + high} if high is not None else {}),
        },
        inner,
        st.integers(0, 2),
        st.none() | st.integers(0, 2),
        st.booleans(),
    )


def objects(inner):
    names = st.sampled_from(["a", "b", "text", "class", "a b", "é", '"', "x-y"])
    return st.builds(
        lambda properties, chosen, additional: {
            "type": "object",
            "properties": properties,
            "required": [name for name, bit in zip(properties, chosen, strict=False) if bit],
            "additionalProperties": additional,
        },
        st.dictionaries(names, inner, max_size=3),
        st.lists(st.booleans(), min_size=3, max_size=3),
        st.booleans() | inner,
    )


def unions(inner):
    return st.lists(inner, min_size=2, max_size=3, unique_by=repr).map(
        lambda options: {"anyOf": options}
    )


NESTED = st.recursive(
    st.sampled_from(SCALARS),
    lambda inner: arrays(inner) | objects(inner) | unions(inner),
    max_leaves=5,
)
TEXTS = st.sampled_from(
    [
        "",
        "a",
        "b",
        "abc",
        "abcd",
        "a\nc",
        "a\u2028c",
        "2024-02-29",
        "2023-02-29",
        "free",
        "é",
        "\ud800",
    ]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-4, 8)
    | st.sampled_from([0.0, 1.0, 2.0, 2.5, 0.3, -1.5, 7.0, float("nan"), float("inf"), 10**400])
    | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["a", "b", "text", "class", "a b", "é", '"', "x-y", "z"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=6,
)


@st.composite
def fitting(draw, node):
    """Draw a value that often fits a schema, so that both answers are met."""
    if "anyOf" in node:
        return draw(fitting(draw(st.sampled_from(node["anyOf"]))))
    if node.get("type") == "array":
        return draw(st.lists(fitting(node["items"]) | VALUES, max_size=3))
    if node.get("type") == "object":
        value = {}
        for name, child in node["properties"].items():
            if draw(st.booleans()) or name in node["required"]:
                value[name] = draw(fitting(child))
        if draw(st.integers(0, 4)) == 0:
            value["z"] = draw(VALUES)
        return value
    return draw(VALUES)


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def test_guard_and_schema_refuse_the_same_values(data, run_artifact) -> None:
    """A value passes the guard exactly when the schema has no problem with it."""
    node = data.draw(objects(NESTED), label="schema")
    try:
        schema = parse(node)
    except SpecError:  # a drawn schema may contradict itself
        return
    check, abstain = guard_of(schema, run_artifact)
    for _ in range(8):
        value = data.draw(fitting(node) | VALUES, label="value")
        try:
            check(value)
            passed = True
        except abstain:
            passed = False

        assert passed == (not schema.problems(value)), value


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_formats_agree(name, run_artifact) -> None:
    """Every asserted format is judged alike by the guard and the schema."""
    samples = [
        "", "x", "2024-02-29", "2023-02-29", "2024-1-1", "20240101", "2024-01-01T00:00:00Z",
        "2024-01-01t23:59:59.5+01:00", "2024-01-01 00:00:00Z", "23:59:00Z", "24:00:00Z", "12:00:00",
        "a@b.co", "a@b", "a..b@c.de", "a@-b.de", "a@b-.de", "@b.de", "a@", f"{'a' * 65}@b.de",
        f"a@{'b' * 64}.de", f"a@{'b.' * 130}de", "a@b@c.de", "a@b..de", "http://x.org/a?b#c", "http://x.org/#a#b",
        "http://x:99999/", "http://x:port/", "mailto:a@b.de", "x:", "://x", "http://[::1", "http://é.org",
        "123e4567-e89b-12d3-a456-426614174000", "123e4567e89b12d3a456426614174000", "1.2.3.4", "01.2.3.4",
        "1.2.3", "256.1.1.1", "1.2.3.4\n", "2024-01-01\n", "a@b.de\n",
    ]  # fmt: skip
    schema = parse({"type": "object", "properties": {"a": {"type": "string", "format": name}}})
    check, abstain = guard_of(schema, run_artifact)

    for sample in samples:
        try:
            check({"a": sample})
            passed = True
        except abstain:
            passed = False
        assert passed == FORMATS[name](sample), sample


@pytest.mark.parametrize(
    "pattern",
    [
        r"^a.c$",
        r"[.$]",
        r"[]$]",
        r"[^]$.]",
        r"\$\.",
        r"a$|b",
        r"\d{2}\w\s",
        r"(?:ab)+?c",
        r"[\]$]x",
        r"^$",
    ],
)
def test_patterns_mean_the_same(pattern) -> None:
    """A pattern that was rewritten for Python's engine finds what the schema's automaton finds."""
    texts = [
        "",
        "abc",
        "a\nc",
        "a.c",
        "a$",
        "a$\n",
        "$.",
        "]",
        "b",
        "12a ",
        "\u0661\u0662a ",
        "ababc",
        "x]",
        "]x",
        "a\u2028c",
        "$x",
        ".x",
        "a\n",
        "abc\n",
    ]
    rewritten = re.compile(guard.portable(pattern), re.ASCII)

    for text in texts:
        assert bool(rewritten.search(text)) == compile_pattern(pattern).search(text), text


def test_pattern_of_a_guard_means_ascii_digits(run_artifact) -> None:
    r"""The digits of `\d` are the ten of ASCII, and `$` is the very end, in the guard as well."""
    field = {"type": "string", "pattern": r"^\d$"}
    schema = parse({"type": "object", "properties": {"a": field}})

    passed = [not reason(schema, run_artifact, {"a": text}) for text in ("1", "\u0661", "1\n")]

    assert passed == [True, False, False]


NESTED_LISTS = {
    "type": "array",
    "uniqueItems": True,
    "items": {
        "type": "object",
        "properties": {"x": {"type": "null"}},
        "additionalProperties": True,
    },
}


@pytest.mark.parametrize(
    ("items", "passed"),
    [
        ([{"y": 1}, {"y": True}], True),
        ([{"y": 0}, {"y": False}], True),
        ([{"y": 1}, {"y": 1.0}], False),
        ([{"y": [1, {"z": None}]}, {"y": [1, {"z": None}]}], False),
        ([{"y": [1, 2]}, {"y": [2, 1]}], True),
        ([{"y": 1, "z": 2}, {"z": 2, "y": 1}], False),
        ([{"y": [[[[[[[[]]]]]]]]}], True),
    ],
)
def test_items_differ_as_json_differs(items, passed, run_artifact) -> None:
    """Equal JSON is a repeated item: true is not 1, 1.0 is, and the order of keys is nothing."""
    schema = parse({"type": "object", "properties": {"a": NESTED_LISTS}})

    assert (not reason(schema, run_artifact, {"a": items})) is passed
    assert (not schema.problems({"a": items})) is passed


@pytest.mark.parametrize("levels", [50, 97, 98, 99, 100, 150, 900])
def test_items_too_deep_to_compare_are_refused_alike(levels, run_artifact) -> None:
    """Guard and schema stop comparing at the same depth."""
    value: object = 0
    for _ in range(levels):
        value = [value]
    schema = parse({"type": "object", "properties": {"a": NESTED_LISTS}})
    whole = {"a": [{"y": value}]}

    assert bool(reason(schema, run_artifact, whole)) == bool(schema.problems(whole))


def test_explosive_pattern_is_refused() -> None:
    """A pattern that Python's engine cannot match in time is named instead of written."""
    schema = parse(
        {"type": "object", "properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}}
    )

    with pytest.raises(guard.UnguardablePattern, match=r"\(a\+\)\+"):
        guard.guard_text(schema.node)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([], "input: expected an object"),
        ({}, "input.subject: expected a string of at least 1 character"),
        ({"subject": ""}, "input.subject: expected a string of at least 1 character"),
        ({"subject": "x", "z": 1}, "input: expected no property but lines, subject"),
        ({"subject": "x", "lines": {}}, "input.lines: expected a list"),
        ({"subject": "x", "lines": [{"sku": 1}]}, "input.lines[].sku: expected a string"),
        ({"subject": "x", "lines": [{"sku": "a"}]}, ""),
    ],
)
def test_reason_names_the_place_and_what_was_expected(value, expected, run_artifact) -> None:
    """A refusal says where the input departs from its schema and what should be there."""
    schema = parse(
        {
            "type": "object",
            "properties": {
                "subject": {"type": "string", "minLength": 1},
                "lines": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {"sku": {"type": "string"}},
                        "required": ["sku"],
                    },
                },
            },
            "required": ["subject"],
            "additionalProperties": False,
        }
    )

    assert expected == reason(schema, run_artifact, value)


def test_property_names_cannot_break_out_of_the_text(run_artifact) -> None:
    """A property's name is data in the guard, whatever it holds."""
    name = '"\\\n"""\u202e'
    schema = parse(
        {"type": "object", "properties": {name: {"type": "integer"}}, "required": [name]}
    )
    text = guard.guard_text(schema.node)

    assert text.isascii()
    assert reason(schema, run_artifact, {name: 1}) == ""
    assert reason(schema, run_artifact, {name: "1"}).endswith("expected an integer")


def test_properties_of_one_name_get_functions_of_their_own(run_artifact) -> None:
    """Nested objects whose ways look alike as names do not share a function."""
    item = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}
    other = {"type": "object", "properties": {"x": {"type": "string"}}, "required": ["x"]}
    schema = parse({"type": "object", "properties": {"a-b": item, "a_b": other}})

    assert reason(schema, run_artifact, {"a-b": {"x": 1}, "a_b": {"x": "s"}}) == ""
    assert "a_b.x" in reason(schema, run_artifact, {"a-b": {"x": 1}, "a_b": {"x": 1}})


def test_every_function_stays_simple() -> None:
    """A wide and deep schema gives functions of few paths each."""
    child = {"type": "object", "properties": {f"p{n}": {"type": "integer"} for n in range(30)}}
    wide = {f"o{n}": child for n in range(15)} | {"l": {"type": "array", "items": child}}
    schema = parse({"type": "object", "properties": wide, "additionalProperties": child})

    paths = [item.paths for item in complexities(ast.parse(guard.guard_text(schema.node)))]

    assert max(paths) <= 3


def test_five_fields_are_checked_in_microseconds(run_artifact) -> None:
    """The guard of a small object costs no more than a few calls do."""
    schema = parse(
        {
            "type": "object",
            "properties": {
                "a": {"type": "string", "maxLength": 200},
                "b": {"enum": ["free", "pro"]},
                "c": {"type": "integer", "minimum": 0},
                "d": {"type": "boolean"},
                "e": {"type": "number"},
            },
            "required": ["a", "b", "c", "d", "e"],
            "additionalProperties": False,
        }
    )
    check, _ = guard_of(schema, run_artifact)
    value = {"a": "a subject", "b": "pro", "c": 4, "d": True, "e": 1.5}

    seconds = min(timeit.repeat(lambda: check(value), number=2_000, repeat=5)) / 2_000

    # Measured 0.7 us; the bound leaves room for a busy machine.
    assert seconds < 20e-6
