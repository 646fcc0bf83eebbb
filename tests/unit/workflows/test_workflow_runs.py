"""End-to-end runs: the margin they give, and that test problems never make one."""

from __future__ import annotations

import json
import math

import pytest

pytest.importorskip("polars", reason="the extra `workflows` is not installed")

from pytest_compiledai.core.candidate import Candidate
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.gate import Phase
from pytest_compiledai.core.split import Split
from pytest_compiledai.workflows import artifact
from pytest_compiledai.workflows.compose import Composer
from pytest_compiledai.workflows.judging import judge
from pytest_compiledai.workflows.recorded import read_cached
from pytest_compiledai.workflows.recorded import recorded_digest
from pytest_compiledai.workflows.runs import margin
from pytest_compiledai.workflows.runs import read_runs
from pytest_compiledai.workflows.runs import write_runs

PATH = "answer/tradeoffs.json"


def runs_on(world, *splits, off: float) -> list[dict]:
    """Return runs that score ``off`` less than a replay, of both settings of two structures."""
    spec = world.unit().body
    whole = read_cached(spec.profile_file.read_bytes(), "p")
    composer = Composer(spec.plan, artifact.part(spec, whole, *splits))
    rows = []
    for structure, label in ((0, "solver"), (2, "vote(3 x solver)")):
        for setting in ("small", "large"):
            found = composer.measure(structure, {"solver": setting})
            rows += [
                {
                    "query": query,
                    "structure": label,
                    "settings": json.dumps({"solver": setting}),
                    "score": max(0.0, float(score) - off),
                    "seconds": 1.0,
                    "cost": 0.001,
                }
                for query, score in zip(composer.profile.queries, found.accuracy, strict=True)
            ]
    return rows


def with_runs(world, rows):
    """Return the spec that names the runs."""
    if "runs:" not in world.spec:
        world.spec += "runs: answer.runs.parquet\n"
    (world.root / "specs").mkdir(exist_ok=True)
    (world.root / "specs" / "answer.runs.parquet").write_bytes(write_runs(rows))
    return world.unit().body


def test_a_margin_is_how_far_composed_figures_were_off(world):
    """Four configurations at 0.7 give their largest residual; at 0.9 they are too few."""
    rows = runs_on(world, Split.TRAIN, Split.VALIDATION, off=0.1)
    runs = read_runs(write_runs(rows), "r")
    spec = world.unit().body
    composer = Composer(
        spec.plan,
        artifact.part(spec, read_cached(spec.profile_file.read_bytes(), "p"), *artifact.SHOWN),
    )

    found, count = margin(runs, composer, 0.7)

    assert 4 == count
    assert 0.05 < found <= 0.1 + 1e-9
    assert math.isinf(margin(runs, composer, 0.9)[0])


def test_intervals_are_no_narrower_than_the_margin(world):
    """At 0.6 confidence the margin of four configurations widens every interval."""
    world.spec += "gates: {accuracy: {confidence: 0.6}}\n"
    spec = with_runs(world, runs_on(world, Split.TRAIN, Split.VALIDATION, off=0.2))

    value = json.loads(artifact.made(spec))

    most = value["calibration"]["margin"]
    assert most > 0.1
    for configuration in value["configurations"]:
        mean, low, _ = configuration["accuracy"]
        assert low <= max(0.0, mean - most) + 1e-6


def test_runs_on_test_problems_make_no_margin(world):
    """A margin rests on train and validation problems; runs elsewhere are too few then."""
    spec = with_runs(world, runs_on(world, Split.TEST, off=0.3))

    value = json.loads(artifact.made(spec))

    assert (None, 0) == (value["calibration"]["margin"], value["calibration"]["configurations"])
    assert any("too few for a margin" in remark for remark in value["remarks"])


def test_accuracy_is_measured_by_runs_where_there_are_some(world):
    """Runs on all test problems stand in place of a replay, and contradict a set it would pass."""
    spec = with_runs(world, runs_on(world, Split.TEST, off=0.9))
    candidate = Candidate(files={PATH: artifact.made(spec)}, proposer="x", attempt=1)

    found = judge("accuracy", spec, candidate, Phase.ACCEPT)

    assert "accuracy.interval" in {finding.rule for finding in found.findings}


def test_another_margin_than_that_of_the_runs_is_found(world):
    """A margin that a hand made smaller is not that of the stored runs."""
    spec = with_runs(world, runs_on(world, Split.TRAIN, off=0.1))
    value = json.loads(artifact.made(spec))
    value["calibration"]["configurations"] = 99  # more than were run
    candidate = Candidate(files={PATH: json.dumps(value).encode()}, proposer="x", attempt=1)

    found = judge("execution", spec, candidate, Phase.ACCEPT)

    assert {"execution.set"} == {finding.rule for finding in found.findings}


def test_runs_are_part_of_the_evidence(world):
    """Other runs make an entry stale, and runs that are missing give no digest."""
    one = recorded_digest(with_runs(world, runs_on(world, Split.TEST, off=0.1)))
    spec = with_runs(world, runs_on(world, Split.TEST, off=0.2))
    other = recorded_digest(spec)
    spec.runs_file.unlink()

    assert one != other
    assert recorded_digest(spec) == ""


@pytest.mark.parametrize(
    "change", [{"score": 1.5}, {"seconds": -1.0}, {"settings": "[]"}, {"settings": "{"}]
)
def test_runs_out_of_their_range_are_refused(change):
    """A score above 1, negative seconds and settings that are no object are no runs."""
    row = {
        "query": "q", "structure": "s", "settings": "{}", "score": 1.0, "seconds": 1.0, "cost": 0.0
    }  # fmt: skip

    with pytest.raises(SpecError):
        read_runs(write_runs([row | change]), "r.parquet")


def test_bytes_on_which_the_decoder_ends_its_process_are_refused():
    """A page that says it holds fewer than no values kills another process, not this one."""
    row = {"structure": "a", "settings": "{}", "score": 1.0, "seconds": 0.5, "cost": 0.1}
    data = write_runs([row | {"query": "q"}, row | {"query": "r"}])
    broken = data.replace(b"\x15\x04\x15\x10\x15", b"\x15\x33\x15\x10\x15", 1)
    assert data != broken

    with pytest.raises(SpecError, match=r"r\.parquet: found no Parquet: its decoder ended with"):
        read_runs(broken, "r.parquet")
