"""The kind `demos` through pytest: it freezes from recordings, and locked mode judges it again."""

from __future__ import annotations

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
