"""The kind `workflow` through pytest: the example compiles, locks, and shows its trade-offs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

pytest.importorskip("polars", reason="the extra `workflows` is not installed")

ROOT = Path(__file__).parents[2]
SPEC = "examples/workflow/vote_gsm.yaml"


@pytest.fixture
def example(project):
    """Return a project that holds the example and its problems."""
    shutil.copytree(ROOT / "examples" / "workflow", project.root / "examples" / "workflow")
    shutil.copytree(ROOT / "fixtures", project.root / "fixtures")
    return project


def test_the_example_is_frozen_locked_and_goes_stale(example):
    """Every gate passes, a second making changes no byte, and another prompt is stale."""
    first = example.run("--compile", SPEC, "--compile-report", "report.html")
    first.assert_outcomes(passed=7)
    frozen = example.read("compiled/vote_gsm/tradeoffs.json"), example.lock
    report = example.read("report.html")

    example.run("--compile-update", SPEC).assert_outcomes(passed=7)

    assert frozen == (example.read("compiled/vote_gsm/tradeoffs.json"), example.lock)
    assert "Trade-off set of vote_gsm" in report
    assert "What each step of vote_gsm takes a problem" in report
    example.run("--compile-locked", SPEC).assert_outcomes(passed=7)
    example.write(SPEC, example.read(SPEC).replace("step by step", "at once"))
    stale = example.run("--compile-locked", SPEC)
    stale.assert_outcomes(failed=1, skipped=6)
    stale.stdout.fnmatch_lines(["*the entry of vote_gsm is stale*"])


def test_a_marker_chooses_the_kind(example):
    """`-m workflow` takes these items, `-m cost` the gate that only they have."""
    result = example.run("--compile", "--collect-only", "-q", "-m", "cost", "examples")

    result.stdout.fnmatch_lines([f"{SPEC}::vote_gsm::cost"])
