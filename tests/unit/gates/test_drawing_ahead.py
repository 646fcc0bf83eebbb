"""Drawing in a process of its own gives what drawing here gives, and never fails a run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pytest_compiledai.core.place import Place
from pytest_compiledai.core.schema import Schema
from pytest_compiledai.gates import drawing_ahead
from pytest_compiledai.gates.drawing import examples
from pytest_compiledai.gates.drawing_ahead import Drawer

SCHEMA = Schema.parse(
    {
        "type": "object",
        "properties": {
            "b": {"type": "string", "minLength": 1},
            "a": {"enum": ["x", "y", 1, None]},
            "n": {"type": "number", "multipleOf": 0.25, "minimum": -3},
            "list": {"type": "array", "items": {"type": "string", "pattern": "^[a-c]+$"}},
        },
        "required": ["b"],
        "additionalProperties": False,
    },
    lambda *_: Place(path="x"),
)
TRAIN = [{"b": "Ünïcode 7 \ud83d\ude00", "n": 1.25}, {"b": "31/12/1999", "a": None, "list": ["ab"]}]


@pytest.fixture
def drawer() -> Iterator[Drawer]:
    made = Drawer()
    yield made
    made.close()


def test_another_process_draws_the_same_examples(drawer) -> None:
    """Begun or not, once or twice, with and without train inputs: the examples are the same."""
    drawer.begin(SCHEMA, TRAIN, count=60, seed=3)
    drawer.begin(SCHEMA, TRAIN, count=60, seed=3)

    assert drawer.examples(SCHEMA, TRAIN, count=60, seed=3) == examples(
        SCHEMA, TRAIN, count=60, seed=3
    )
    assert drawer.examples(SCHEMA, [], count=20, seed=4) == examples(SCHEMA, [], count=20, seed=4)
    assert len(drawer._begun) == 0


def test_a_schema_that_allows_nothing_drawable_gives_no_examples(drawer) -> None:
    """What Hypothesis calls unsatisfiable is an empty answer, as it is in this process."""
    schema = Schema.parse(
        {
            "type": "object",
            "properties": {"v": {"type": "string", "pattern": "^a$", "minLength": 3}},
            "required": ["v"],
        },
        lambda *_: Place(path="x"),
    )

    assert drawer.examples(schema, [], count=5, seed=1) == ()


@pytest.mark.parametrize(
    "program", ["import sys; sys.exit(3)", "print('nonsense')", "print('[1]')"]
)
def test_without_an_answer_the_examples_are_drawn_here(drawer, monkeypatch, program) -> None:
    """A process that dies or babbles makes a run slower and changes nothing else."""
    popen = drawing_ahead.subprocess.Popen

    def started(argv, **facts):
        return popen([argv[0], "-c", program], **facts)

    monkeypatch.setattr(drawing_ahead.subprocess, "Popen", started)

    assert drawer.examples(SCHEMA, TRAIN, count=10, seed=3) == examples(
        SCHEMA, TRAIN, count=10, seed=3
    )


def test_draws_that_nobody_comes_for_are_dropped(drawer, monkeypatch) -> None:
    """Where a gate before the last one fails unit after unit, memory stays bounded."""
    monkeypatch.setattr(drawer, "_ask", lambda _: ())
    for seed in range(50):
        drawer.begin(SCHEMA, TRAIN, count=1, seed=seed)

    assert len(drawer._begun) <= 8
