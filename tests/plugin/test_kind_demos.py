"""The kind `demos` through pytest: it freezes from recordings, and locked mode judges it again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.unit.distill.conftest import Tickets


@pytest.fixture
def planted(project, monkeypatch):
    """Return a project that holds the planted spec and its answers."""
    monkeypatch.setattr("os.fsync", lambda _: None)
    tickets = Tickets(project.root)
    tickets.rows = tickets.rows[:30]
    unit = tickets.unit()
    tickets.record(unit, tickets.candidate(unit))
    return project


def test_the_cascade_is_frozen_and_judged_again(planted):
    """Compiling and six gates pass, three files are frozen, and locked mode asks no model."""
    planted.run("--compile", "specs").assert_outcomes(passed=7)
    frozen = planted.read("compiled/tickets/demos.jsonl"), planted.lock

    planted.run("--compile-locked", "specs").assert_outcomes(passed=7)

    assert frozen == (planted.read("compiled/tickets/demos.jsonl"), planted.lock)


def test_another_prompt_is_stale(planted):
    """A description that changed changes every prompt."""
    planted.run("--compile", "specs").assert_outcomes(passed=7)
    planted.write("specs/tickets.yaml", planted.read("specs/tickets.yaml").replace("Name", "Say"))

    stale = planted.run("--compile-locked", "specs")

    stale.assert_outcomes(failed=1, skipped=6)


def test_the_example_freezes_from_its_recordings(pytester):
    """What the models answered is enough: no model is asked, and every gate passes."""
    root = Path(__file__).parents[2]
    for folder in ("examples/demos", "fixtures"):
        target = pytester.path / folder
        target.mkdir(parents=True)
        for path in (root / folder).glob("*household*" if folder == "fixtures" else "*"):
            copy = shutil.copytree if path.is_dir() else shutil.copy
            copy(path, target / path.name)

    done = pytester.runpytest_inprocess("--compile", "-p", "no:xdist", "examples/demos")

    done.assert_outcomes(passed=7)
