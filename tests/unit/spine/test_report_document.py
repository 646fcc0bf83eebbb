"""The JSON report."""

from __future__ import annotations

import json

from pytest_compiledai.core.result import Cost
from pytest_compiledai.core.result import Outcome
from pytest_compiledai.core.result import Trouble
from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.report.document import render
from pytest_compiledai.report.document import write_reports

FAILED = Verdict(
    gate="accuracy",
    findings=(
        Finding(rule="accuracy.wrong", message="no", path="r.jsonl", line=3, quotable=False),
    ),
    figures={"accuracy": 0.5},
)


def test_the_report_has_the_shape_that_is_documented(result_of):
    """Every key and every outcome of a gate is as the design says."""
    result = result_of(
        outcome=Outcome.REJECTED,
        attempts=2,
        cost=Cost(tokens_in=7, tokens_out=3),
        gates=("security", "accuracy", "latency"),
        verdicts=(Verdict(gate="security"), FAILED),
        off=("fuzz",),
        files={"double.py": "a" * 64},
    )

    assert json.loads(render([result])) == {
        "version": 1,
        "units": [
            {
                "id": "specs/double.yaml::double",
                "kind": "function",
                "outcome": "rejected",
                "attempts": 2,
                "tokens": {"in": 7, "out": 3},
                "gates": {
                    "security": {"outcome": "passed", "findings": [], "figures": {}},
                    "accuracy": {
                        "outcome": "failed",
                        "findings": [
                            {
                                "rule": "accuracy.wrong",
                                "message": "no",
                                "path": "r.jsonl",
                                "line": 3,
                            }
                        ],
                        "figures": {"accuracy": 0.5},
                    },
                    "latency": {"outcome": "skipped", "findings": [], "figures": {}},
                    "fuzz": {"outcome": "off", "findings": [], "figures": {}},
                },
                "artifact": {"files": []},
            }
        ],
    }


def test_the_artifact_of_an_accepted_unit_is_listed(result_of):
    """Files by path, with the digest that the lock has."""
    (unit,) = json.loads(render([result_of(files={"b": "1" * 64, "a": "2" * 64})]))["units"]

    assert unit["artifact"]["files"] == [
        {"path": "a", "sha256": "2" * 64},
        {"path": "b", "sha256": "1" * 64},
    ]


def test_an_error_is_told(result_of):
    """What could not be judged says why, in the one form of messages."""
    trouble = Trouble(where="w", found="f", expected="e", next="n")

    (unit,) = json.loads(render([result_of(outcome=Outcome.ERROR, trouble=trouble)]))["units"]

    assert unit["error"] == "w: found f; expected e; next: n"


def test_secrets_are_taken_out(result_of, monkeypatch):
    """A row that quotes a key does not carry it into a file that is shared."""
    monkeypatch.setenv("DEPLOY_TOKEN", "canary-5531-canary")
    leaky = Verdict(gate="accuracy", findings=(Finding(rule="r", message="canary-5531-canary"),))

    text = render([result_of(outcome=Outcome.REJECTED, verdicts=(leaky,))]).decode()

    assert "canary" not in text
    assert "[redacted:DEPLOY_TOKEN]" in text


def test_a_secret_with_characters_that_json_escapes_is_taken_out(result_of, monkeypatch):
    """The report is still JSON, and holds neither the value nor its escaped form."""
    monkeypatch.setenv("DEPLOY_TOKEN", 'canary"5531\\x')
    leaky = Verdict(gate="accuracy", findings=(Finding(rule="r", message='a canary"5531\\x b'),))

    document = json.loads(render([result_of(outcome=Outcome.REJECTED, verdicts=(leaky,))]))

    (finding,) = document["units"][0]["gates"]["accuracy"]["findings"]
    assert finding["message"] == "a [redacted:DEPLOY_TOKEN] b"


def test_every_report_that_was_asked_for_is_written(result_of, tmp_path):
    """Folders are made; the bytes are those of the rendered report, LF at the end."""
    paths = [tmp_path / "a.json", tmp_path / "deep" / "b.json"]

    write_reports(paths, [result_of()], [])

    assert {path.read_bytes() for path in paths} == {render([result_of()])}
    assert render([]).endswith(b"}\n")


def test_the_report_names_the_sandboxes():
    """What held the code stands in the report, apart from the units."""
    facts = {"name": "native", "wall": "seccomp", "reason": ""}

    assert json.loads(render([], [facts])) == {"version": 1, "sandbox": [facts], "units": []}
