"""Which remarks a pull request shows, and where."""

from __future__ import annotations

import pytest

from pytest_compiledai.ci.annotations import MOST
from pytest_compiledai.ci.annotations import annotations_of
from pytest_compiledai.core.place import Place
from pytest_compiledai.core.result import Outcome
from pytest_compiledai.core.result import Trouble
from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.report.facts import Facts
from pytest_compiledai.report.places import Places

STALE = Trouble(where="specs/double.yaml:4", found="old", expected="new", next="pytest --compile")


@pytest.fixture
def facts_of(tmp_path):
    """Return a maker of facts about results in a project of one spec and one file of rows."""
    for name in ("specs/double.yaml", "rows.jsonl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x\n" * 9)

    def make(*results, outside=()):
        places = Places(tmp_path, tmp_path / "compiled")
        return Facts(results=results, mode="locked", places=places, outside=outside)

    return make


def rejected(result_of, *findings, **changes):
    verdicts = (Verdict(gate="accuracy", findings=findings),)
    return result_of(outcome=Outcome.REJECTED, verdicts=verdicts, **changes)


def finding(message="no", path="", line=0):
    return Finding(rule="accuracy.wrong", message=message, path=path, line=line)


def test_a_good_run_shows_nothing(facts_of, result_of):
    """No remark where every unit passed."""
    assert annotations_of(facts_of(result_of()), code=0) == []


def test_the_first_finding_of_a_unit_is_shown_at_its_place(facts_of, result_of):
    """One remark a unit: at the row, or at the unit's line where a finding names no file."""
    facts = facts_of(
        rejected(result_of, finding("a", "rows.jsonl", 3), finding("b", "rows.jsonl", 4)),
        rejected(result_of, finding("c"), unit="twice", line=5),
        result_of(unit="stale", outcome=Outcome.STALE, trouble=STALE, line=2),
    )

    shown = annotations_of(facts, code=1)

    assert [(note.title, note.message, note.place) for note in shown] == [
        ("double: accuracy", "a", Place(path="rows.jsonl", line=3)),
        ("twice: accuracy", "c", Place(path="specs/double.yaml", line=5)),
        ("stale: compile", str(STALE.error()), Place(path="specs/double.yaml", line=2)),
    ]


@pytest.mark.parametrize(("units", "last"), [(9, "no"), (10, "1 more is"), (30, "21 more are")])
def test_ten_at_most(facts_of, result_of, units, last):
    """Past nine, one remark says how many units the summary tells of."""
    results = [rejected(result_of, finding(), unit=f"u{n}") for n in range(units)]

    shown = annotations_of(facts_of(*results), code=1)

    assert len(shown) == min(units, MOST)
    assert shown[-1].message.startswith(last)


def test_what_belongs_to_no_unit_is_shown_at_its_line(facts_of):
    """A spec that cannot be read is no unit, and still has a line."""
    message = "specs/double.yaml:7: found a tab; expected spaces"

    (shown,) = annotations_of(facts_of(outside=(message,)), code=1)

    assert (message, Place(path="specs/double.yaml", line=7)) == (shown.message, shown.place)


@pytest.mark.parametrize("path", ["../outside", "/etc/hostname", "gone.yaml"])
def test_a_place_outside_the_project_is_none(facts_of, path):
    """A message cannot point at files that are not the project's."""
    (shown,) = annotations_of(facts_of(outside=(f"{path}:1: found x; expected y",)), code=1)

    assert shown.place is None


def test_a_failure_without_a_finding_is_told(facts_of, result_of):
    """A run may fail for what no unit knows, and a unit without saying why."""
    (run,) = annotations_of(facts_of(result_of()), code=3)
    (unit,) = annotations_of(facts_of(result_of(outcome=Outcome.ERROR)), code=1)

    assert "exit code 3" in run.message
    assert (unit.title, unit.message) == ("double", "error; next: read the log")


def test_hostile_text_stays_one_command(facts_of, result_of):
    """A model's text can end neither its line nor its annotation, and shows no key."""
    text = "x\n::error::forged\r##[group]y %0A ghp_" + "a" * 36

    (shown,) = annotations_of(facts_of(rejected(result_of, finding(text))), code=1)
    command = shown.command()

    assert command.splitlines() == [command]
    assert command.startswith(
        "::error file=specs/double.yaml,line=1,title=double%3A accuracy::x%0A"
    )
    assert "%250A [redacted:GitHub token]" in command
