"""How a failed item reads."""

from __future__ import annotations

from pytest_compiledai.core.errors import ModelError
from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.failure import SHOWN_FINDINGS
from pytest_compiledai.failure import GateFailed
from pytest_compiledai.failure import finding_line
from pytest_compiledai.failure import next_command
from pytest_compiledai.failure import render_failure

ROW = Finding(rule="accuracy.wrong", message="expected 1, got 2", path="rows.jsonl", line=17)


def verdict_of(*findings: Finding, **figures: object) -> Verdict:
    return Verdict(gate="accuracy", findings=findings, figures=figures)


def test_a_finding_leads_with_its_place():
    """File and line come first, the rule last."""
    assert finding_line(ROW) == "rows.jsonl:17: expected 1, got 2 [accuracy.wrong]"


def test_a_place_is_not_said_twice():
    """A message that leads with the place already is left as it is."""
    finding = Finding(rule="r", message="rows.jsonl:17 queue: no", path="rows.jsonl", line=17)

    assert finding_line(finding) == "rows.jsonl:17 queue: no [r]"


def test_a_finding_of_a_whole_file_has_no_line():
    """Line 0 is the file as a whole; no path is the candidate's own text."""
    assert finding_line(Finding(rule="r", message="no", path="x.py")) == "x.py: no [r]"
    assert finding_line(Finding(rule="r", message="no")) == "no [r]"


def test_a_failed_gate_shows_findings_figures_and_one_next(unit_of):
    """Findings first, figures indented, one next command as the last line."""
    error = GateFailed(verdict_of(ROW, accuracy=0.5, splits={"test": {}}), next="pytest --compile")

    assert render_failure(error, unit_of()).split("\n") == [
        "rows.jsonl:17: expected 1, got 2 [accuracy.wrong]",
        "  accuracy 0.5",
        "next: pytest --compile",
    ]


def test_many_findings_are_cut_and_counted(unit_of):
    """The terminal shows the first ones; how many more there are is said."""
    error = GateFailed(verdict_of(*[ROW] * (SHOWN_FINDINGS + 3)), next="x")

    lines = render_failure(error, unit_of()).split("\n")

    assert lines.count(finding_line(ROW)) == SHOWN_FINDINGS
    assert lines[-2] == "... 3 more"


def test_the_exceptions_text_is_the_first_finding():
    """The short summary of pytest shows the row and not the name of a gate."""
    assert str(GateFailed(verdict_of(ROW, ROW), next="")) == finding_line(ROW)
    assert str(GateFailed(verdict_of(), next="")) == "accuracy failed"


def test_an_error_shows_its_four_parts(unit_of):
    """Where, found, expected, next: a line each."""
    error = ModelError(where="specs/x.yaml:3", found="nothing", expected="a model", next="do it")

    assert render_failure(error, unit_of()).split("\n") == [
        "specs/x.yaml:3",
        "  found     nothing",
        "  expected  a model",
        "next: do it",
    ]


def test_an_error_without_a_next_command_gets_the_units(unit_of):
    """There is always one command to go on with."""
    error = ModelError(where="x", found="y", expected="z")

    assert render_failure(error, unit_of()).endswith(f"next: {next_command(unit_of())}")
    assert next_command(unit_of()) == "pytest --compile specs/double.yaml::double"


def test_secrets_are_taken_out_of_findings_and_errors(unit_of, monkeypatch):
    """What the environment keeps secret is not shown on a terminal that CI keeps."""
    monkeypatch.setenv("DEPLOY_TOKEN", "canary-5531-canary")
    leaky = Finding(rule="r", message="got canary-5531-canary")
    error = ModelError(where="x", found="canary-5531-canary", expected="z")

    shown = [
        render_failure(GateFailed(verdict_of(leaky), next="x"), unit_of()),
        render_failure(error, unit_of()),
    ]

    assert all("[redacted:DEPLOY_TOKEN]" in text for text in shown)
    assert not any("canary" in text for text in shown)
