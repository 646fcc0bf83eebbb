"""The short form of `python -m bench.quality`, without a recording."""

from __future__ import annotations

import argparse
import json

import pytest

from bench import quality
from bench.calls.tasks import Task


def task(category: str, number: int) -> Task:
    schema = {"type": "dict", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    function = {"name": "count", "description": "Count.", "parameters": schema}
    return Task(
        id=f"{category}_{number}",
        category=category,
        request=f"Count to {number}",
        functions=(function,),
        answers=(),
    )


@pytest.fixture
def options(monkeypatch, tmp_path) -> argparse.Namespace:
    """Return the options of a run over tasks of our own and an empty folder of recordings."""
    tasks = [task(category, number) for category in quality.STRATA for number in range(9)]
    monkeypatch.setattr(quality, "read_tasks", lambda _: tasks)
    return argparse.Namespace(
        part=["calls", "rows"], data=tmp_path, recordings=tmp_path, seed=3, proposer="recordings"
    )


def test_tasks_are_drawn_from_every_category(options):
    """Equal seeds draw equal tasks, as many of each category as stated."""
    tasks = quality.read_tasks(options.data)

    found = quality.drawn(tasks, 3)

    counts = {name: sum(t.category == name for t in found) for name in quality.STRATA}
    assert quality.STRATA == counts
    assert quality.drawn(tasks, 3) == found != quality.drawn(tasks, 4)


def test_what_has_no_recording_is_asked_for_once(options):
    """Each request of any way to propose is listed, as an endpoint takes it."""
    found = list(quality.requests(options))

    keys = [item["key"] for item in found]
    calls = 24 * 2 * 2  # tasks, versions, samples
    rows = 4 * 2 * 3
    direct = [k for k in found if "answer inputs one" in k["body"]["messages"][0]["content"]]
    assert calls + rows + len(direct) == len(keys) == len(set(keys))
    assert 1 < len(direct) <= 24  # equal requests of two categories are one
    assert {"messages", "max_tokens", "temperature", "seed"} == set(found[0]["body"])
    assert json.dumps(found)


def test_a_program_that_no_recording_made_counts_for_nothing():
    """Where builtin/synth stepped in, the model is not credited."""
    splits = {"test": {"rows": 5, "answered": 5, "right": 5}}
    unit = {
        "outcome": "frozen",
        "tokens": {"in": 0, "out": 0},
        "gates": {"accuracy": {"figures": {"splits": splits}}},
    }

    assert 0 == quality.scored(unit)["right"]
    assert 5 == quality.scored({**unit, "tokens": {"in": 1, "out": 1}})["right"]
