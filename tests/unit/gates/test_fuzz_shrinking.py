"""Counterexamples are made small on their values."""

from __future__ import annotations

import dataclasses
import json

import pytest

from pytest_compiledai.core.calls import Program
from pytest_compiledai.core.place import Place
from pytest_compiledai.core.schema import Schema
from pytest_compiledai.gates import fuzz
from pytest_compiledai.gates.shrinking import shrink
from pytest_compiledai.sandbox.native import NativeSandbox


def place(*keys):
    return Place(path="x.yaml", line=1)


SCHEMA = Schema.parse(
    {
        "type": "object",
        "properties": {
            "n": {"type": "number"},
            "on": {"type": "boolean"},
            "plan": {"enum": ["pro", "free"]},
            "lines": {"type": "array", "items": {"type": "integer"}},
            "text": {"type": "string", "minLength": 2},
        },
        "required": ["n", "plan", "text"],
        "additionalProperties": False,
    },
    place,
)
START = {"n": 731.25, "on": True, "plan": "pro", "lines": [4, 77, 9, 1], "text": "Größe 7 x"}


def small(fails, calls=2000):
    seen = []

    def ask(inputs):
        seen.extend(inputs)
        return [fails(json.loads(data)) for data in inputs]

    return shrink(START, SCHEMA, ask, calls=calls), seen


@pytest.mark.parametrize(
    ("fails", "expected"),
    [
        (lambda _: True, {"n": 0, "plan": "pro", "text": "00"}),
        (lambda v: v["n"] > 70, {"n": 73, "plan": "pro", "text": "00"}),
        (lambda v: 77 in v.get("lines", ()), {"lines": [77], "n": 0, "plan": "pro", "text": "00"}),
        (lambda v: "on" in v, {"n": 0, "on": False, "plan": "pro", "text": "00"}),
        (lambda v: "7" in v["text"], {"n": 0, "plan": "pro", "text": "07"}),
    ],
)
def test_only_what_the_failure_needs_is_left(fails, expected):
    """Optional properties, items, characters and digits go, as far as the failure stays."""
    value, _ = small(fails)

    assert value.keys() == expected.keys()
    assert {key: value[key] for key in value if key not in ("n", "text")} == {
        key: expected[key] for key in expected if key not in ("n", "text")
    }
    assert fails(value)
    assert abs(value["n"]) <= abs(expected["n"])
    assert len(value["text"]) == 2


def test_every_value_tried_is_of_the_schema_and_tried_once():
    """A counterexample that the schema refuses would be no counterexample."""
    _, seen = small(lambda _: True)

    assert len(seen) == len(set(seen)) > 5
    assert all(SCHEMA.problems(json.loads(data)) == () for data in seen)


def test_the_number_of_calls_is_bounded():
    """Shrinking stops where its calls are spent, with what it has."""
    value, seen = small(lambda v: len(v["text"]) > 3, calls=30)

    assert len(seen) < 30
    assert len(value["text"]) > 3


def test_a_counterexample_that_kills_workers_is_made_small_in_a_few_calls(monkeypatch):
    """Each failing call costs its whole timeout, so few are made."""
    rules = dataclasses.replace(fuzz.policy(), call_s=0.2, shrink_kills=6)
    monkeypatch.setattr(fuzz, "policy", lambda: rules)
    sandbox = NativeSandbox()
    source = b"def f(data):\n    while len(data['text']) > 4:\n        pass\n    return {}\n"
    found = fuzz.judge(
        sandbox=sandbox,
        program=Program(source=source, function="f"),
        input_schema=SCHEMA,
        output_schema=Schema.parse({"type": "object", "properties": {}}, place, closed=True),
        train_inputs=[START],
        settings=fuzz.FuzzSettings(examples=30, reference="none"),
        coverage=1.0,
        seed=2,
    )
    waited = sandbox.seconds()
    sandbox.close()

    assert [item.rule for item in found.findings] == ["fuzz.timeout"]
    assert len(found.figures["counterexample"]["text"]) > 4
    assert waited < 5
