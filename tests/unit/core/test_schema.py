"""Parsing the declared subset of JSON Schema."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_compiledai.core.document import read_documents
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.node import ArrayNode
from pytest_compiledai.core.node import BooleanNode
from pytest_compiledai.core.node import EnumNode
from pytest_compiledai.core.node import IntegerNode
from pytest_compiledai.core.node import Node
from pytest_compiledai.core.node import NullNode
from pytest_compiledai.core.node import NumberNode
from pytest_compiledai.core.node import ObjectNode
from pytest_compiledai.core.node import StringNode
from pytest_compiledai.core.node import UnionNode
from pytest_compiledai.core.place import Place
from pytest_compiledai.core.schema import Schema


def place(*keys: str | int) -> Place:
    return Place(path=".".join(["s", *map(str, keys)]))


def parse(data: Any, *, closed: bool = False) -> Schema:
    return Schema.parse(data, place, closed=closed)


def node_of(child: Any, **more: Any) -> Node:
    """Return the node of one property's schema."""
    return parse({"type": "object", "properties": {"a": child}, **more}).node.properties["a"]


def refusal(data: Any) -> str:
    with pytest.raises(SpecError) as caught:
        parse(data)
    return str(caught.value)


def refusal_of(child: Any, **more: Any) -> str:
    return refusal({"type": "object", "properties": {"a": child}, **more})


@pytest.mark.parametrize(
    ("schema", "node"),
    [
        ({"type": "string"}, StringNode()),
        (
            {"type": "string", "minLength": 1, "maxLength": 3, "pattern": "^a", "format": "date"},
            StringNode(min_length=1, max_length=3, pattern="^a", format="date"),
        ),
        ({"type": "boolean"}, BooleanNode()),
        ({"type": "null"}, NullNode()),
        ({"type": "integer"}, IntegerNode()),
        (
            {"type": "integer", "minimum": 0.5, "exclusiveMaximum": 9, "multipleOf": 2.0},
            IntegerNode(minimum=1, maximum=8, multiple_of=2),
        ),
        (
            {"type": "integer", "exclusiveMinimum": 1.5, "minimum": 1, "maximum": 3.9},
            IntegerNode(minimum=2, maximum=3),
        ),
        (
            {"type": "number", "minimum": 1, "exclusiveMaximum": 2.5, "multipleOf": 0.01},
            NumberNode(minimum=1, exclusive_maximum=2.5, multiple_of=0.01),
        ),
        (
            {"type": "array", "items": {"type": "null"}, "maxItems": 2, "uniqueItems": True},
            ArrayNode(items=NullNode(), max_items=2, unique=True),
        ),
        ({"enum": ["a", 1, True, None, 0.5]}, EnumNode(values=("a", 1, True, None, 0.5))),
        ({"enum": [1, True]}, EnumNode(values=(1, True))),
        ({"const": "x", "type": "string"}, EnumNode(values=("x",))),
        ({"type": ["string", "null"]}, UnionNode(options=(StringNode(), NullNode()))),
        (
            {"type": ["string", "integer"], "maxLength": 2, "minimum": 1},
            UnionNode(options=(StringNode(max_length=2), IntegerNode(minimum=1))),
        ),
        (
            {"anyOf": [{"type": "string"}, {"const": 1}]},
            UnionNode(options=(StringNode(), EnumNode(values=(1,)))),
        ),
        ({"anyOf": [{"type": "string"}]}, StringNode()),
        (
            {"type": "object", "additionalProperties": {"type": "string"}},
            ObjectNode(additional=StringNode()),
        ),
        (
            {
                "type": "string",
                "title": "t",
                "description": "d",
                "examples": ["x"],
                "default": "y",
                "deprecated": False,
                "$comment": "c",
            },
            StringNode(),
        ),
    ],
)
def test_a_schema_becomes_a_node(schema: dict[str, Any], node: Node) -> None:
    """Each form of the subset has its node, keywords normalised."""
    assert node == node_of(schema)


def test_required_stands_in_the_order_of_the_properties() -> None:
    """The order of `required` says nothing."""
    names = {name: {"type": "null"} for name in "abc"}

    node = parse({"type": "object", "properties": names, "required": ["c", "a"]}).node

    assert node.required == ("a", "c")


@pytest.mark.parametrize(
    ("stated", "closed", "additional"),
    [
        ({}, False, True),
        ({}, True, False),
        ({"additionalProperties": True}, True, True),
        ({"additionalProperties": False}, False, False),
        ({"additionalProperties": {"type": "null"}}, True, NullNode()),
    ],
)
def test_closed_reads_what_is_omitted(stated: Any, closed: bool, additional: Any) -> None:
    """An input is open and an output closed unless the schema says."""
    node = parse({"type": "object", "properties": {}, **stated}, closed=closed).node

    assert additional == node.additional


def test_references_are_written_out() -> None:
    """A reference is its definition, through other references and escaped names."""
    definitions = {"a/b": {"$ref": "#/$defs/c"}, "c": {"type": "null"}, "x": {"type": "string"}}

    assert NullNode() == node_of(
        {"$ref": "#/$defs/a~1b", "description": "d"}, **{"$defs": definitions}
    )


def test_the_root_may_be_a_reference() -> None:
    """A root that refers to an object's schema is an object's."""
    data = {"$ref": "#/$defs/a", "$defs": {"a": {"type": "object", "properties": {}}}}

    assert ObjectNode(additional=True) == parse(data).node


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({}, "s.properties.a: found a schema that allows any value; expected one of `type`"),
        ({"description": "x"}, "found a schema that allows any value"),
        (True, "s.properties.a: found true; expected a schema, which is a mapping"),
        ("string", 's.properties.a: found "string"; expected a schema'),
        ({"oneOf": []}, "s.properties.a.oneOf: found `oneOf`; expected `anyOf`"),
        ({"type": "string", "nullable": True}, 'expected "null" among the types'),
        (
            {"type": "string", "minLenght": 1},
            "s.properties.a.minLenght: found `minLenght`; expected one of $comment",
        ),
        ({"type": "string", "$defs": {}}, "s.properties.a.$defs: found `$defs`"),
        ({"type": "text"}, 's.properties.a.type: found "text"; expected one of array'),
        ({"type": ["string", "text"]}, 's.properties.a.type.1: found "text"'),
        ({"type": ["string", "string"]}, "found `string` twice"),
        ({"type": ["integer", "number"]}, "found `integer` beside `number`"),
        (
            {"type": ["string", None]},
            's.properties.a.type.1: found null; expected "null" in quotes',
        ),
        ({"type": []}, "found no type"),
        (
            {"type": ["string", "null"], "minimum": 1},
            "found `minimum`; expected it beside type integer or number",
        ),
        ({"type": "object"}, "found an object of anything"),
        ({"type": "object", "properties": []}, "s.properties.a.properties: found an empty list"),
        ({"type": "array"}, "found a list of anything; expected `items`"),
        ({"type": "array", "items": {"type": "null"}, "uniqueItems": 1}, "uniqueItems: found 1"),
        ({"type": "array", "items": {"type": "null"}, "minItems": -1}, "minItems: found -1"),
        ({"type": "string", "minLength": True}, "minLength: found true"),
        ({"type": "string", "maxLength": None}, "maxLength: found null"),
        (
            {"type": "string", "minLength": 3, "maxLength": 2},
            "minLength: found `minLength: 3` above",
        ),
        (
            {"type": "string", "format": "phone"},
            'format: found "phone"; expected one of date, date-time',
        ),
        ({"type": "string", "format": None}, "format: found null"),
        ({"type": "string", "pattern": "("}, "pattern: found no regular expression"),
        ({"type": "string", "pattern": "a(?=b)"}, "pattern: found looking around"),
        ({"type": "string", "pattern": 1}, "pattern: found 1"),
        ({"type": "number", "minimum": "1"}, 'minimum: found "1"; expected a finite number'),
        ({"type": "number", "minimum": True}, "minimum: found true"),
        (
            {"type": "number", "multipleOf": 0},
            "multipleOf: found 0; expected a finite number above 0",
        ),
        ({"type": "integer", "multipleOf": 0.5}, "multipleOf: found 0.5; expected a whole number"),
        (
            {"type": "number", "minimum": 2, "maximum": 1},
            "minimum: found `minimum: 2`, `maximum: 1` together",
        ),
        (
            {"type": "number", "minimum": 1, "exclusiveMaximum": 1},
            "expected bounds that leave a value",
        ),
        (
            {"type": "number", "exclusiveMinimum": 1, "maximum": 1},
            "expected bounds that leave a value",
        ),
        (
            {"type": "number", "minimum": 0.1, "maximum": 0.2, "multipleOf": 0.3},
            "expected bounds that leave",
        ),
        (
            {"type": "number", "exclusiveMinimum": 0.3, "exclusiveMaximum": 0.6, "multipleOf": 0.3},
            "bounds that leave",
        ),
        (
            {"type": "integer", "exclusiveMinimum": 1, "exclusiveMaximum": 2},
            "bounds that leave a value",
        ),
        (
            {"type": "integer", "minimum": 1, "maximum": 4, "multipleOf": 5},
            "bounds that leave a value",
        ),
        ({"enum": []}, "s.properties.a.enum: found an empty list"),
        ({"enum": "a"}, 'enum: found "a"; expected a list'),
        ({"enum": ["a", "b", "a"]}, 's.properties.a.enum.2: found "a" twice'),
        ({"enum": [1.0, 1]}, "enum.1: found 1 twice"),
        ({"enum": [["a"]]}, "enum.0: found a list of 1 items; expected a string"),
        ({"enum": ["a"], "type": "integer"}, 'enum.0: found "a"; expected a value of type integer'),
        (
            {"enum": [True], "type": "integer"},
            "enum.0: found true; expected a value of type integer",
        ),
        (
            {"const": 1, "type": ["string", "null"]},
            "const: found 1; expected a value of type string or null",
        ),
        (
            {"enum": ["a"], "minLength": 1},
            "minLength: found `minLength`; expected only annotations",
        ),
        ({"enum": ["a"], "const": "a"}, "found `const`; expected only annotations beside `enum`"),
        ({"anyOf": []}, "s.properties.a.anyOf: found an empty list"),
        (
            {"anyOf": [{"type": "null"}, {"const": 1}, {"type": "null"}]},
            "anyOf.2: found the option of item 0 again",
        ),
        ({"anyOf": [{"type": "null"}], "type": "null"}, "found `type`; expected only annotations"),
        ({"$ref": "#/$defs/b"}, 's.properties.a.$ref: found "#/$defs/b"; expected `#/$defs/NAME`'),
        ({"$ref": "other.json"}, "expected `#/$defs/NAME`"),
        ({"$ref": 1}, "s.properties.a.$ref: found 1"),
        ({"type": "string", "title": 1}, "title: found 1; expected a text"),
        ({"type": "string", "examples": "x"}, 'examples: found "x"; expected a list'),
        (
            {"type": "string", "examples": ["x", 1]},
            "s.properties.a.examples.1: found 1; expected a string",
        ),
        (
            {"type": "integer", "default": "x"},
            's.properties.a.default: found "x"; expected an integer',
        ),
        (
            {
                "type": "object",
                "properties": {},
                "additionalProperties": {"type": "null"},
                "default": {"b": 1},
            },
            "default: found b: 1; expected null",
        ),
    ],
)
def test_refusals_name_place_and_reason(schema: Any, message: str) -> None:
    """What is not understood, or contradicts itself, is an error where it stands."""
    assert message in refusal_of(schema)


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ([], "s: found an empty list; expected a schema"),
        ({"type": "string"}, "s: found a schema that is not an object's; expected `type: object`"),
        ({"type": ["object", "null"], "properties": {}}, "expected `type: object` at the root"),
        (
            {"type": "object", "properties": {}, "required": ["a"]},
            's.required.0: found "a"; expected one of the properties',
        ),
        ({"type": "object", "properties": {}, "required": "a"}, 's.required: found "a"'),
        (
            {"type": "object", "properties": {"a": {"type": "null"}}, "required": ["a", "a"]},
            "s.required.1: found `a` twice",
        ),
        (
            {"type": "object", "properties": {}, "additionalProperties": "no"},
            's.additionalProperties: found "no"',
        ),
        ({"type": "object", "properties": {}, "$schema": "x"}, 's.$schema: found "x"'),
        ({"type": "object", "properties": {}, "$defs": []}, "s.$defs: found an empty list"),
        (
            {"type": "object", "properties": {}, "$defs": {"a": {}}},
            "s.$defs.a: found a schema that allows any",
        ),
        (
            {"type": "object", "properties": {}, "$defs": {"a": {"$ref": "#/$defs/a"}}},
            "found `a`, which refers to itself",
        ),
    ],
)
def test_refusals_at_the_root(schema: Any, message: str) -> None:
    """The root is an object's schema, and its definitions are checked even when unused."""
    assert message in refusal(schema)


def test_references_cannot_blow_up() -> None:
    """Definitions that double at each step are refused, not written out."""
    definitions: dict[str, Any] = {"d40": {"type": "null"}}
    for number in range(40):
        both = {"$ref": f"#/$defs/d{number + 1}"}
        definitions[f"d{number}"] = {"type": "object", "properties": {"a": both, "b": both}}

    assert "found a schema too deep or too large" in refusal_of(
        {"type": "null"}, **{"$defs": definitions}
    )


def test_depth_through_references_is_capped() -> None:
    """A chain of definitions cannot go deeper than schemas may nest."""
    definitions: dict[str, Any] = {"d500": {"type": "null"}}
    definitions |= {f"d{n}": {"$ref": f"#/$defs/d{n + 1}"} for n in range(500)}

    assert "found a schema too deep or too large" in refusal_of(
        {"type": "null"}, **{"$defs": definitions}
    )


def test_errors_stand_at_their_line_in_a_spec() -> None:
    """Together with a document, an error names the file's line."""
    text = b"compiledai: 1\ninput:\n  type: object\n  properties:\n    a:\n      type: strin\n"
    document = read_documents(text, "s.yaml")[0]

    with pytest.raises(SpecError, match=r"^s\.yaml:6: found"):
        Schema.parse(document.data["input"], lambda *keys: document.place("input", *keys))
