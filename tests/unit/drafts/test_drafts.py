"""Drafts of specs: what a source says is in the schemas, what a spec cannot say is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_compiledai.core.document import read_documents
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.place import Place
from pytest_compiledai.core.schema import Schema
from pytest_compiledai.drafts.draft import unit_name
from pytest_compiledai.drafts.source import read_draft
from pytest_compiledai.drafts.tool import from_tool
from pytest_compiledai.drafts.tool import tools_of

BFCL = Path(__file__).parents[4] / "shared" / "data" / "bfcl"
PYTHON = '''
from typing import Literal, NotRequired, Optional, TypedDict
import datetime as dt

class Item(TypedDict):
    sku: str
    count: NotRequired[int]
    parts: "list[Item]"

def price(items: list[Item], country: Literal["DE", "FR"], day: dt.date,
          code: str | None = None, *, odd=1) -> float:
    """Price an order.

    All of it.
    """

def whole(data: Item) -> Item: ...
'''
OPENAPI = """
openapi: 3.0.0
paths:
  /orders/{id}:
    parameters: [{name: id, in: path, required: true, schema: {type: integer, format: int64}}]
    post:
      operationId: placeOrder
      summary: Place it.
      requestBody:
        required: true
        content: {application/json: {schema: {$ref: '#/components/schemas/Order'}}}
      responses:
        '201': {content: {application/json: {schema: {$ref: '#/components/schemas/Order'}}}}
    get:
      responses: {'204': {description: nothing}}
components:
  schemas:
    Base: {type: object, required: [note], properties: {note: {type: string, nullable: true}}}
    Order:
      allOf:
        - $ref: '#/components/schemas/Base'
        - properties: {next: {$ref: '#/components/schemas/Order'}, kind: {enum: [a, b]}}
"""
TOOL = {
    "type": "function",
    "function": {
        "name": "Book.tableFor2",
        "description": "Books.",
        "parameters": {
            "type": "dict",
            "properties": {
                "day": {"type": "string", "format": "date", "default": "today"},
                "seats": {"type": "float", "minimum": 1.0, "exclusiveMinimum": True},
                "tags": {"type": "list"},
                "more": {"type": "object"},
                "any": {"description": "what you like"},
                "either": {"oneOf": [{"type": "string"}, {"type": "integer"}]},
            },
            "required": ["day", "gone"],
        },
    },
}


def drafted(folder: Path, name: str, text: str, part: str = ""):
    (folder / name).write_text(text, encoding="utf-8")
    return read_draft(f"{name}#{part}" if part else name, folder)


def test_annotations_become_schemas(tmp_path):
    """Parameters are properties, and those with a default are not required."""
    draft = drafted(tmp_path, "f.py", PYTHON, "price")

    assert "price" == draft.name
    assert "Price an order.\n\nAll of it." == draft.description
    assert ["items", "country", "day"] == draft.input["required"]
    properties = draft.input["properties"]
    assert {"enum": ["DE", "FR"]} == properties["country"]
    assert {"type": "string", "format": "date"} == properties["day"]
    assert {"type": ["string", "null"]} == properties["code"]
    assert ["sku", "parts"] == properties["items"]["items"]["required"]
    assert {"result": {"type": "number"}} == draft.output["properties"]


def test_what_an_annotation_does_not_say_is_told(tmp_path):
    """A type that refers to itself and a parameter without one are drafted open, with a note."""
    draft = drafted(tmp_path, "f.py", PYTHON, "price")

    assert ["Item.parts[]", "odd"] == [note.partition(":")[0] for note in draft.notes]


def test_one_parameter_that_is_an_object_is_the_input(tmp_path):
    """A function in the form of an artifact keeps its form."""
    draft = drafted(tmp_path, "f.py", PYTHON, "whole")

    assert ["sku", "count", "parts"] == list(draft.input["properties"])
    assert draft.input == draft.output


def test_an_operation_becomes_a_unit(tmp_path):
    """References are written out, all of `allOf` is joined, and what is recursive is cut."""
    draft = drafted(tmp_path, "api.yaml", OPENAPI, "placeOrder")

    assert "place_order" == draft.name
    assert {"type": "integer"} == draft.input["properties"]["id"]
    assert ["id", "body"] == draft.input["required"]
    order = draft.output
    assert {"next", "kind", "note"} == set(order["properties"])
    assert {"type": ["string", "null"]} == order["properties"]["note"]
    assert any("refers to itself" in note for note in draft.notes)
    assert any("format int64" in note for note in draft.notes)


def test_an_operation_without_json_is_an_error(tmp_path):
    """A unit needs an output."""
    with pytest.raises(SpecError, match="without a JSON response"):
        drafted(tmp_path, "api.yaml", OPENAPI, "GET /orders/{id}")


def test_a_tool_becomes_the_making_of_its_arguments(tmp_path):
    """The request is the input, the parameters are the output; odd dialects are understood."""
    draft = drafted(tmp_path, "tools.json", json.dumps([TOOL]))

    assert "book_table_for2" == draft.name
    assert ["request"] == draft.input["required"]
    assert ["day"] == draft.output["required"]
    properties = draft.output["properties"]
    assert {"type": "number", "minimum": 1} == properties["seats"]
    assert "array" == properties["tags"]["type"]
    assert {"string": {"type": "string"}} == {"string": properties["more"]["additionalProperties"]}
    assert 2 == len(properties["either"]["anyOf"])
    told = "\n".join(draft.notes)
    assert all(word in told for word in ("exclusiveMinimum", "tags[]", "more", "any", "oneOf"))


@pytest.mark.parametrize(
    ("name", "text", "part", "found"),
    [
        ("f.py", "def (", "", "invalid syntax"),
        ("f.py", "x = 1", "g", "no function 'g'"),
        ("a.json", "[1, 2]", "", "neither Python nor"),
        ("a.yaml", "a: [", "", "while parsing"),
        ("a.json", json.dumps([TOOL]), "other", "no tool 'other'"),
        ("api.yaml", OPENAPI, "gone", "no operation 'gone'"),
    ],
)
def test_what_is_no_source_is_an_error(tmp_path, name, text, part, found):
    """The message says what was found and what is expected."""
    with pytest.raises(SpecError) as caught:
        drafted(tmp_path, name, text, part)

    assert found in str(caught.value)
    assert "expected" in str(caught.value)


def test_aliases_that_multiply_are_an_error(tmp_path):
    """A small document that stands for a huge one ends with a message, soon."""
    lines = ["a0: &a0 {type: string}"]
    lines += [
        f"a{n}: &a{n} {{type: object, properties: {{"
        + ", ".join(f"p{k}: *a{n - 1}" for k in range(9))
        + "}}"
        for n in range(1, 9)
    ]
    body = "\n".join([*lines, "name: t", "parameters: *a8"])

    with pytest.raises(SpecError, match="more schemas"):
        drafted(tmp_path, "bomb.yaml", body)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("getUserByID", "get_user_by_id"),
        ("math.hypot", "math_hypot"),
        ("GET /a/{b}", "get_a_b"),
        ("2fa", "unit_2fa"),
        ("é", "unit"),
        ("x" * 99, "x" * 64),
    ],
)
def test_names_become_names_of_units(text, expected):
    """Whatever a source calls it, the name is one that the reader takes."""
    assert expected == unit_name(text)


@pytest.mark.skipif(not BFCL.is_dir(), reason="no BFCL data beside the project")
def test_every_real_tool_makes_a_spec_that_is_read():
    """400 tool definitions of a benchmark give specs whose schemas the strict reader takes."""
    for line in (BFCL / "simple_python.jsonl").read_text(encoding="utf-8").splitlines():
        tools = tools_of(json.loads(line)["function"])
        for name in tools:
            draft = from_tool(tools, "tools.json", name)

            (document,) = read_documents(draft.text("g.jsonl").encode(), "x.yaml")

            assert draft.output == document.data["output"]
            Schema.parse(document.data["output"], lambda *keys: Place(path=str(keys)))
