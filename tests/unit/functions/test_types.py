"""TypedDict text from schemas."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_compiledai.core.place import Place
from pytest_compiledai.core.schema import Schema
from pytest_compiledai.functions.types import TypedDicts
from pytest_compiledai.functions.types import typed_dict_module

TEXT = {"type": "string"}
EMPTY = {"type": "object", "properties": {}}
LONG = [f"a value that is long, number {number}" for number in range(3)]


def types_of(properties: Any, output: Any = EMPTY, *, name: str = "f", **more: Any) -> TypedDicts:
    def parse(data: Any) -> Schema:
        return Schema.parse(data, lambda *_: Place(path="s"), closed=True)

    data = {"type": "object", "properties": properties, **more}
    return typed_dict_module(name, parse(data), parse(output))


def field(schema: Any) -> str:
    """Return the type of one required property."""
    text = types_of({"a": schema}, required=["a"]).text
    return text.split("class FInput(TypedDict):\n    a: ")[1].splitlines()[0]


def test_the_whole_text() -> None:
    """Definitions stand before their use, names follow the unit and the way to the object."""
    address = {"type": "object", "properties": {"street": TEXT}, "required": ["street"]}

    made = types_of(
        {"subject": TEXT, "address": address, "tags": {"type": "array", "items": TEXT}},
        {"type": "object", "properties": {"queue": {"enum": ["a", "b"]}}, "required": ["queue"]},
        name="route_ticket",
        required=["subject"],
    )

    assert made.imports == ("Literal", "NotRequired", "TypedDict")
    assert (made.input_type, made.output_type) == ("RouteTicketInput", "RouteTicketOutput")
    assert (
        made.module
        == """\
from typing import Literal, NotRequired, TypedDict


class RouteTicketInputAddress(TypedDict):
    street: str


class RouteTicketInput(TypedDict):
    subject: str
    address: NotRequired[RouteTicketInputAddress]
    tags: NotRequired[list[str]]


class RouteTicketOutput(TypedDict):
    queue: Literal["a", "b"]
"""
    )


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (TEXT, "str"),
        ({"type": "integer"}, "int"),
        ({"type": "number"}, "float"),
        ({"type": "boolean"}, "bool"),
        ({"type": "null"}, "None"),
        ({"type": ["null", "string"]}, "str | None"),
        ({"type": ["null", "integer"], "default": None}, "int | None"),
        ({"enum": ["a", 1, True]}, 'Literal["a", 1, True]'),
        ({"enum": [None, "a"]}, 'Literal["a"] | None'),
        ({"enum": [0.5, "a"]}, 'Literal["a"] | float'),
        ({"const": None}, "None"),
        ({"enum": ['say "hi"', "it's", "\\", "\n", "é", "\u202e", "\u3164"]}, "FInputA"),
        ({"enum": ['"', "'", "\"'"]}, 'Literal[\'"\', "\'", "\\"\'"]'),
        ({"enum": ["\u202e", "é\n"]}, 'Literal["\\u202e", "é\\n"]'),
        ({"enum": ["a\ufe0f", "\U000e0141"]}, 'Literal["a\\ufe0f", "\\U000e0141"]'),
        ({"type": "array", "items": {"type": ["string", "null"]}}, "list[str | None]"),
        ({"type": "object", "additionalProperties": {"type": "number"}}, "dict[str, float]"),
        ({"type": "object", "properties": {}, "additionalProperties": True}, "dict[str, object]"),
        ({"anyOf": [TEXT, {"type": "array", "items": TEXT}]}, "str | list[str]"),
        ({"anyOf": [{"type": "null"}, {"type": "string", "maxLength": 1}, TEXT]}, "str | None"),
        (
            {"anyOf": [{"type": "object", "properties": {"x": TEXT}}, {"type": "null"}]},
            "FInputA | None",
        ),
        ({"enum": LONG}, "FInputA"),
    ],
)
def test_a_node_has_its_type(schema: Any, expected: str) -> None:
    """Null appears only where the schema allows it, and last."""
    assert expected == field(schema)


def test_optional_is_what_is_not_required() -> None:
    """A property that may be absent is NotRequired, and still not None."""
    made = types_of({"a": TEXT, "b": TEXT}, required=["b"])

    assert "    a: NotRequired[str]\n    b: str\n" in made.text


def test_only_needed_names_are_imported() -> None:
    """Nothing is imported that the text does not use."""
    assert types_of({"a": TEXT}, required=["a"]).imports == ("TypedDict",)


@pytest.mark.parametrize(
    "name", ["from", "a b", "1", "__x", "é", "str", "Literal", "FInputB", "None"]
)
def test_keys_that_are_no_field_names(name: str) -> None:
    """Such an object is written in the functional form, its keys unchanged."""
    made = types_of({"b": {"type": "object", "properties": {"x": TEXT}}, name: TEXT})
    namespace: dict[str, Any] = {}

    # The text is our own, made from the schema above.
    exec(made.module, namespace)

    assert 'FInput = TypedDict(\n    "FInput",\n    {\n' in made.text
    assert set(namespace["FInput"].__annotations__) == {"b", name}


def test_names_do_not_collide() -> None:
    """Different objects have different names, whatever their properties are called."""
    inner = {"type": "object", "properties": {"x": TEXT}}
    properties = {
        "a_b": inner,
        "aB": inner,
        "ab": {"type": "object", "properties": {"c": inner}},
        "abC": inner,
        "AB": inner,
        "@": inner,
        "#": inner,
        "x" * 90: inner,
        "x" * 91: inner,
        "both": {"anyOf": [inner, {"type": "object", "properties": {"y": TEXT}}]},
    }

    tree = ast.parse(types_of(properties).module)

    names = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
    names += [node.targets[0].id for node in tree.body if isinstance(node, ast.Assign)]
    assert len(names) == len(set(names)) == 14


def test_a_root_without_named_properties_is_a_mapping() -> None:
    """The root keeps its name even where it is a plain mapping."""
    made = types_of({}, {"type": "object", "additionalProperties": TEXT}, additionalProperties=True)

    assert made.text == "FInput = dict[str, object]\n\n\nFOutput = dict[str, str]\n"


def _wide() -> list[TypedDicts]:
    inner = {"type": "object", "properties": {"x": TEXT, "items": {"type": "array", "items": TEXT}}}
    many = {"anyOf": [{"type": "object", "properties": {f"k{n}": TEXT}} for n in range(9)]}
    return [
        types_of(
            {"a": {"enum": LONG}, "b": inner, "c": many, "d": {"type": "array", "items": many}},
            EMPTY,
        ),
        types_of(
            {"from": inner, "str": TEXT, 'quo"te': {"enum": ['"', "\\", "\u202e", "a'b\"c"]}}, inner
        ),
        types_of(
            {"a": {"anyOf": [{"enum": LONG}, {"type": "null"}, {"enum": LONG[:2]}, inner]}}, inner
        ),
        types_of(
            {"type": TEXT, "match": TEXT, "keys": TEXT, "self": TEXT, "_p": TEXT},
            inner,
            name="a__b2",
        ),
        types_of({}, {"type": "object", "additionalProperties": inner}, additionalProperties=True),
        types_of(
            {f"p{n}" * 8: {"type": ["array", "null"], "items": inner} for n in range(3)},
            inner,
            name="n" * 64,
        ),
    ]


def test_text_passes_the_type_checker_and_the_formatter(tmp_path: Path) -> None:
    """What is written needs no change by the formatter and no mercy of the type checker."""
    for number, made in enumerate(_wide()):
        (tmp_path / f"m{number}.py").write_text(made.module, encoding="utf-8", newline="\n")
    folder = Path(sys.executable).parent
    ruff = shutil.which("ruff", path=folder) or shutil.which("ruff")
    assert ruff, "ruff is among the development tools"

    for width in ("88", "100"):
        command = [
            ruff,
            "format",
            "--isolated",
            "--no-cache",
            "--diff",
            "--line-length",
            width,
            ".",
        ]
        formatted = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert (formatted.returncode, formatted.stdout) == (0, "")
    # A process of its own: mypy raises the interpreter's recursion limit for good.
    options = ["--strict", "--config-file=", "--cache-dir=cache", "--python-version=3.11", "."]
    command = [sys.executable, "-m", "mypy", *options]
    checked = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, ""), checked.stdout
