"""The outer surface: what scripts, settings, locks and reports of users rest on.

A name that goes or changes here breaks somebody; a new one is added to this list on purpose.
"""

from __future__ import annotations

import json
from dataclasses import replace

from pytest_compiledai.cli import _parser
from pytest_compiledai.core.entry import KEYS
from pytest_compiledai.core.gate import COMPILE
from pytest_compiledai.core.lock import FIRST_LINE
from pytest_compiledai.core.result import Outcome
from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.functions.spec import KEYS as FUNCTION_KEYS
from pytest_compiledai.kinds import Kinds
from pytest_compiledai.options import OPTIONS
from pytest_compiledai.plugin import MARKERS
from pytest_compiledai.report.document import render

MODES = ("", "locked", "frozen", "update", "accept", "prune", "drift")
VALUES = (
    *("model", "record", "recordings", "out", "attempts", "budget-tokens", "budget-usd"),
    *("sandbox", "report"),
)
SIX = ("security", "syntax", "execution", "accuracy", "latency", "fuzz")
ALL_KINDS = ("function", "workflow", "model", "dialogue", "demos", "skill")
COMMANDS = ("init", "check", "try", "keep", "explain", "diff", "audit", "report", "serve")


def flags(names: tuple[str, ...]) -> set[str]:
    return {f"--compile-{name}".rstrip("-") for name in names}


def test_options_are_those_of_the_design() -> None:
    """Each has a setting of its name; the modes imply `--compile`."""
    assert flags(MODES) | flags(VALUES) == {option.flag for option in OPTIONS}
    assert flags(MODES) - {"--compile"} <= {option.flag for option in OPTIONS if option.mode}
    assert {
        flag.replace("--compile", "compiledai").replace("-", "_") for flag in flags(VALUES)
    } <= {option.setting for option in OPTIONS}


def test_every_gate_and_kind_is_a_marker_and_every_kind_is_read() -> None:
    """Items are chosen by them with `-m`."""
    assert {*SIX, "cost", "drift", *ALL_KINDS} == {*MARKERS}
    assert {*ALL_KINDS} == {*Kinds({})}
    assert COMPILE == "compile"


def test_the_commands_are_there() -> None:
    """`compiledai NAME` is what docs and messages name."""
    (choices,) = [each.choices for each in _parser()._actions if each.metavar == "COMMAND"]

    assert {*COMMANDS} <= {*choices}


def test_a_spec_of_a_function_has_these_keys() -> None:
    """Those of the design, in the head that all kinds share."""
    head = {"compiledai", "kind", "name", "description", "input", "output", "golden"}

    assert head | {"capabilities", "candidate", "gates", "fallback", "timeout"} <= {*FUNCTION_KEYS}


def test_an_entry_of_the_lock_has_these_keys() -> None:
    """And the lock its version as the first line."""
    told = "kind spec files source evidence proposer attempts target gates off capabilities basis"

    assert {*told.split(), "entry"} == {*KEYS}
    assert FIRST_LINE == "lock-version = 1"


def test_the_json_report_has_these_keys(result_of) -> None:
    """Units with gates, findings and figures, to the letter."""
    finding = Finding(rule="security.import", message="os", path="a.py", line=2)
    verdicts = (Verdict(gate="security", findings=(finding,), figures={"bytes": 7}),)
    result = replace(
        result_of(verdicts=verdicts, outcome=Outcome.REJECTED), gates=SIX[:2], off=("fuzz",)
    )

    document = json.loads(render([result]))

    (unit,) = document["units"]
    assert (["version", "units"], 1) == ([*document], document["version"])
    assert ["id", "kind", "outcome", "attempts", "tokens", "gates", "artifact"] == [*unit]
    assert {"in": 0, "out": 0} == unit["tokens"]
    assert {"files": []} == unit["artifact"]
    assert {"outcome", "findings", "figures"} == {*unit["gates"]["security"]}
    assert {"rule", "message", "path", "line"} == {*unit["gates"]["security"]["findings"][0]}
    assert {"security": "failed", "syntax": "skipped", "fuzz": "off"} == {
        gate: told["outcome"] for gate, told in unit["gates"].items()
    }


def test_the_outcomes_of_a_unit_are_these() -> None:
    """As the JSON report and the summary name them."""
    outcomes = "frozen renewed unchanged rejected stale error"

    assert {*outcomes.split()} == {str(outcome) for outcome in Outcome}
