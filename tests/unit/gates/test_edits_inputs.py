"""Edits of train inputs and the examples drawn from them."""

from __future__ import annotations

import json
import subprocess
import sys
from random import Random

import pytest

from pytest_compiledai.core.place import Place
from pytest_compiledai.core.schema import Schema
from pytest_compiledai.gates import drawing
from pytest_compiledai.gates.edits import edit
from pytest_compiledai.gates.textedits import edit_text


def place(*keys):
    return Place(path="x.yaml", line=1)


SCHEMA = Schema.parse(
    {
        "type": "object",
        "properties": {
            "subject": {"type": "string", "maxLength": 60},
            "plan": {"enum": ["free", "pro"]},
            "seats": {"type": "integer", "minimum": 1, "maximum": 50},
            "price": {"type": "number"},
            "since": {"type": "string", "format": "date"},
            "vip": {"type": "boolean"},
            "tags": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
            "owner": {
                "anyOf": [
                    {"type": "null"},
                    {"type": "object", "properties": {"name": {"type": "string"}}},
                ]
            },
        },
        "required": ["subject", "plan"],
        "additionalProperties": False,
    },
    place,
)
TRAIN = [
    {
        "subject": "Invoice 4711 of Alice, since 2024-03-05. Please help!",
        "plan": "free",
        "seats": 3,
        "price": 19.99,
        "since": "2024-02-29",
        "tags": ["a", "b", "c"],
        "owner": {"name": "Bob"},
    },
    {"subject": "Line one\nLine two", "plan": "pro", "vip": True, "owner": None},
]


def test_every_edit_changes_something_and_stays_valid():
    """Two thousand edits: valid by the schema, and hardly one of them the base itself."""
    random = Random(1)
    unchanged = 0
    for number in range(2000):
        base = TRAIN[number % 2]
        result = edit(base, SCHEMA, TRAIN, random)
        assert SCHEMA.problems(result) == ()
        unchanged += result == base

    assert unchanged < 20


def test_edits_reach_every_property():
    """Each property of the base is changed by some edit, and optional ones are dropped."""
    random = Random(2)
    results = [edit(TRAIN[0], SCHEMA, TRAIN, random) for _ in range(600)]
    changed = {key for one in results for key in TRAIN[0] if one.get(key) != TRAIN[0][key]}

    assert changed == set(TRAIN[0])
    assert any("tags" not in one for one in results)
    assert any("vip" in one for one in results)
    assert any(sorted(one.get("tags", [])) == ["a", "b", "c"] != one["tags"] for one in results)


def test_an_edit_leaves_its_base_alone():
    """Bases are shared between examples; none may be changed in place."""
    before = json.dumps(TRAIN)
    random = Random(3)
    for _ in range(300):
        edit(TRAIN[0], SCHEMA, TRAIN, random)

    assert json.dumps(TRAIN) == before


def test_text_edits_cover_numbers_dates_names_case_space_marks_and_order():
    """All kinds of edits show up on one text."""
    text = "Invoice 4711 of Alice. It is from 2024-03-05, thanks"
    random = Random(4)
    results = {edit_text(text, random) for _ in range(800)}

    assert text not in results
    assert any("4711" not in r and "Invoice" in r and "Alice" in r for r in results)
    assert any("2024-03-05" not in r and "4711" in r for r in results)
    assert any("Zürich" in r for r in results)
    assert text.upper() in results
    assert any("\n" in r for r in results)
    assert any("Alice It" in r for r in results)
    assert any(r.startswith("It is from") for r in results)


@pytest.mark.parametrize("text", ["", " ", "ß", "0"])
def test_any_text_can_be_edited(text):
    """Odd texts are edited without an exception."""
    random = Random(5)

    assert any(edit_text(text, random) != text for _ in range(20))


def test_references_are_distinct_valid_and_no_train_input():
    """Reference examples are edits, each once."""
    drawn = drawing.draw_references(SCHEMA, TRAIN, 25, 7)
    texts = {json.dumps(value, sort_keys=True) for value in drawn}

    assert len(texts) == 25
    assert all(SCHEMA.problems(value) == () for value in drawn)
    assert not texts & {json.dumps(value, sort_keys=True) for value in TRAIN}


def test_references_depend_on_the_seed_alone():
    """The same seed gives the same examples, another seed others."""
    one = drawing.draw_references(SCHEMA, TRAIN, 10, 7)

    assert drawing.draw_references(SCHEMA, TRAIN, 10, 7) == one
    assert drawing.draw_references(SCHEMA, TRAIN, 10, 8) != one


def test_there_are_fewer_references_where_no_more_can_be_found():
    """A schema of two inputs has one edit."""
    schema = Schema.parse(
        {
            "type": "object",
            "properties": {"a": {"type": "boolean"}},
            "required": ["a"],
            "additionalProperties": False,
        },
        place,
    )

    assert drawing.draw_references(schema, [{"a": True}], 5, 1) == ({"a": False},)
    assert drawing.draw_references(schema, [], 5, 1) == ()


def test_examples_are_distinct_valid_and_as_many_as_asked():
    """A hundred examples, each once, each of the schema."""
    drawn = drawing.examples(SCHEMA, TRAIN, count=100, seed=3)

    assert len(set(drawn)) == 100
    assert all(SCHEMA.problems(json.loads(data)) == () for data in drawn)


SCRIPT = """
import json, random, sys, types
module = types.ModuleType("local_constants")
module.__file__ = sys.argv[1]
sys.modules["local_constants"] = module
random.seed(sys.argv[2])
from pytest_compiledai.core.place import Place
from pytest_compiledai.core.schema import Schema
from pytest_compiledai.gates.drawing import examples
schema = Schema.parse(json.loads(sys.argv[3]), lambda *keys: Place(path="x"))
for data in examples(schema, [{"n": 5, "t": "Alice 7"}], count=150, seed=11):
    print(data.decode())
"""


def test_two_processes_draw_the_same_examples(tmp_path):
    """Neither the modules imported nor the state of random change what is drawn, or leave files."""
    constants = tmp_path / "constants.py"
    constants.write_text(f"X = {[n * 7919 for n in range(1, 400)]}\n", encoding="utf-8")
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer"}, "t": {"type": "string"}},
        "required": ["n"],
        "additionalProperties": False,
    }
    outputs = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT, file, str(seed), json.dumps(schema)],
            cwd=tmp_path,
            env={"PYTHONPATH": ":".join(sys.path), "PYTHONHASHSEED": str(seed)},
            capture_output=True,
            check=True,
        )
        for seed, file in ((1, "/nowhere.py"), (2, str(constants)))
    ]

    assert outputs[0].stdout == outputs[1].stdout
    assert outputs[0].stdout.count(b"\n") == 150
    assert [item.stderr for item in outputs] == [b"", b""]
    assert [path.name for path in tmp_path.iterdir()] == ["constants.py"]
