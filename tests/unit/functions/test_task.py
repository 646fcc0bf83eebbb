"""Which class of tasks a spec belongs to."""

from __future__ import annotations

import json

import pytest

from pytest_compiledai.core.document import read_documents
from pytest_compiledai.core.kind import Project
from pytest_compiledai.functions.spec import read_function_spec
from pytest_compiledai.functions.task import task_of

TEXT = {"text": {"type": "string"}}
CALL = {"name": {"enum": ["book"]}, "arguments": {"type": "object", "properties": TEXT}}
QUEUE = {"queue": {"enum": ["billing", "tech"]}, "urgent": {"type": "boolean"}}
TWO = {"date": {"type": "string"}, "total": {"type": "number"}}
HOST = {"host": {"type": "string"}, "port": {"type": "integer"}}
LINE = "10.0.0.1 [12:03:59] GET /"


def schema(fields: dict) -> dict:
    return {"type": "object", "properties": fields, "required": list(fields)}


def task(root, input_: dict, output: dict, *rows: tuple[dict, dict], split: str = "train") -> str:
    """The class of a spec with these fields and rows."""
    spec = {
        "compiledai": 1,
        "kind": "function",
        "name": "work",
        "description": "Do it.",
        "input": schema(input_),
        "output": schema(output),
        "golden": "work.jsonl",
    }
    lines = [
        json.dumps({"id": str(n), "input": given, "output": wanted, "split": split})
        for n, (given, wanted) in enumerate(rows)
    ]
    (root / "work.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    text = "".join(f"{key}: {json.dumps(value)}\n" for key, value in spec.items())
    (document,) = read_documents(text.encode(), "work.yaml")
    return task_of(read_function_spec(document, Project(root=root)))


def read(text: str, output: dict) -> tuple[dict, dict]:
    return {"text": text}, output


ROUTED = {"queue": "tech", "urgent": False}
DATED = {"date": "2024-01-02", "total": 1.5}


@pytest.mark.parametrize(
    ("wanted", "input_", "output", "row"),
    [
        ("calls", TEXT, CALL, read("a table", {"name": "book", "arguments": {"text": "a"}})),
        ("routing", TEXT, QUEUE, read("my invoice is wrong, once more", ROUTED)),
        ("routing", HOST, QUEUE, ({"host": "a", "port": 1}, ROUTED)),
        ("normalisation", TEXT, {"queue": QUEUE["queue"]}, read("Techn.", {"queue": "tech"})),
        ("configuration", HOST, TEXT, ({"host": "a", "port": 1}, {"text": "host a\nport 1\n"})),
        ("log_lines", TEXT, TWO, read(LINE, DATED)),
        ("normalisation", TEXT, TWO, read("2 Jan 2024, 1.50", DATED)),
        ("extraction", TEXT, TWO, read("Invoice\n2 Jan 2024\nTotal 1.50", DATED)),
        ("extraction", TEXT, TWO, read("On 2 Jan 2024 we sold wares for " + "much " * 20, DATED)),
        ("general", HOST, TWO, ({"host": "a", "port": 1}, DATED)),
    ],
)
def test_schemas_and_rows_tell_the_class(tmp_path, wanted, input_, output, row):
    """Each class is told by a rule, the first that holds."""
    assert wanted == task(tmp_path, input_, output, row)


def test_calls_are_found_below_lists_and_choices(tmp_path):
    """A list of one of two calls is the task of calls."""
    other = {"name": {"const": "cancel"}, "arguments": {"type": "object", "properties": TEXT}}
    items = {"anyOf": [schema(CALL), schema(other)]}
    call = {"name": "cancel", "arguments": {"text": "a"}}

    found = task(
        tmp_path, TEXT, {"calls": {"type": "array", "items": items}}, read("x", {"calls": [call]})
    )

    assert "calls" == found


def test_rows_that_are_kept_back_tell_nothing(tmp_path):
    """What a validation row looks like must not reach a prompt, not even as a class."""
    row = read(LINE, DATED)

    assert "general" == task(tmp_path, TEXT, TWO, row, split="validation")
