"""Metric Freedom: rigid where near outputs have near scores, free where scores ignore outputs."""

from __future__ import annotations

import random

import pytest

from pytest_compiledai.distill.freedom import Item
from pytest_compiledai.distill.freedom import classes
from pytest_compiledai.distill.freedom import freedom
from pytest_compiledai.distill.metrics import DISTANCES
from pytest_compiledai.distill.metrics import METRICS
from pytest_compiledai.distill.metrics import edit


def items(*, coupled: bool, count: int = 4, runs: int = 16, seed: int = 1) -> list[Item]:
    """Return runs that leave a path at some step, scored by it or by chance."""
    rng = random.Random(seed)
    found = []
    for _ in range(count):
        left = [rng.randrange(13) for _ in range(runs)]
        outputs = tuple(
            " ".join(
                [f"step{at}" for at in range(kept)]
                + [f"odd{rng.randrange(99)}" for _ in range(12 - kept)]
            )
            for kept in left
        )
        scores = tuple(kept / 12 if coupled else rng.random() for kept in left)
        found.append(Item(outputs=outputs, scores=scores))
    return found


@pytest.mark.parametrize("distance", DISTANCES)
def test_a_score_that_follows_the_output_is_rigid(distance):
    """F lies below the cut with its interval, whichever the distance."""
    found = freedom(items(coupled=True), distance)

    assert found.kind == "rigid"
    assert found.low <= found.value <= found.high < found.cut


@pytest.mark.parametrize("distance", DISTANCES)
def test_a_score_by_chance_is_free(distance):
    """F is near 1 and not below the cut."""
    found = freedom(items(coupled=False), distance)

    assert (found.kind, found.p > 0.05) == ("free", True)


def test_few_runs_are_refused():
    """Fewer than sixteen say nothing."""
    with pytest.raises(ValueError, match="8 runs; expected 16"):
        freedom(items(coupled=True, runs=8), "edit")


def test_scores_that_never_differ_say_nothing():
    """A metric that is always 1 has no class."""
    same = [Item(outputs=item.outputs, scores=(1.0,) * 16) for item in items(coupled=True)]

    assert freedom(same, "edit") is None
    assert {"m": "unknown"} == classes({"m": same})


def test_the_same_runs_give_the_same_figures():
    """Resampling is seeded."""
    assert freedom(items(coupled=True), "edit") == freedom(items(coupled=True), "edit")


@pytest.mark.parametrize(
    ("metric", "output", "right", "score"),
    [
        ("exact", '{"a": 1}', '{ "a":1 }', 1.0),
        ("fields", '{"a": 1, "b": 2}', '{"a": 1, "b": 3}', 0.5),
        ("fields", '{"b": null}', '{"a": null}', 0.0),
        ("form", '{"a": 2, "c": 1}', '{"a": 1, "b": 3}', 1 / 3),
        ("overlap", "to the shelf", "the shelf", 0.8),
    ],
)
def test_metrics(metric, output, right, score):
    """Each metric gives the share its docstring names."""
    assert score == pytest.approx(METRICS[metric](output, right))


def test_edit_distance_counts_words():
    """One of three words changed."""
    assert 1 / 3 == pytest.approx(edit("go to bed", "go to work"))
