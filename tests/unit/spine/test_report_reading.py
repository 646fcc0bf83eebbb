"""A JSON report becomes other forms of it; one that contradicts itself is none."""

from __future__ import annotations

import json

import pytest

from pytest_compiledai.cli import main
from pytest_compiledai.core.errors import ArtifactError
from pytest_compiledai.core.result import Cost
from pytest_compiledai.core.result import Outcome
from pytest_compiledai.core.result import Trouble
from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.report.document import render
from pytest_compiledai.report.reading import results_of

WRONG = Verdict(
    gate="accuracy",
    findings=(Finding(rule="accuracy.wrong", message="row 3 differs", path="r.jsonl", line=3),),
    figures={"accuracy": 0.5},
)


@pytest.fixture
def stored(tmp_path, result_of):
    """A report of three units: frozen, rejected, and one that could not be asked."""
    trouble = Trouble(
        where="specs/c.yaml:2", found="a; b", expected="c: found d", next="pytest --compile"
    )
    results = [
        result_of(gates=("security",), verdicts=(Verdict(gate="security"),), off=("fuzz",)),
        result_of(
            unit="bad",
            outcome=Outcome.REJECTED,
            attempts=2,
            cost=Cost(tokens_in=7, tokens_out=3),
            gates=("accuracy", "latency"),
            verdicts=(WRONG,),
        ),
        result_of(unit="none", outcome=Outcome.ERROR, gates=("security",), trouble=trouble),
    ]
    path = tmp_path / "report.json"
    path.write_bytes(render(results))
    return path


def test_what_is_read_is_what_was_written(stored):
    """Written again, it is the same bytes."""
    assert render(results_of(stored)) == stored.read_bytes()


def test_the_command_shows_it_or_writes_other_forms(stored, capsys):
    """It says what is known and no more, and ends like the run it tells of."""
    forms = [stored.with_name(f"again{suffix}") for suffix in (".json", ".html", ".sarif", ".md")]

    assert main(["report", str(stored)]) == 1
    assert main(["report", str(stored), *map(str, forms)]) == 1

    shown = capsys.readouterr().out
    assert "rejected  bad     failed accuracy  10 tokens" in shown
    assert "tokens 7 in, 3 out\n" in shown
    assert forms[0].read_bytes() == stored.read_bytes()
    assert all(b"row 3 differs" in form.read_bytes() for form in forms)


@pytest.mark.parametrize(
    "change",
    [
        lambda units: units[1].update(outcome="frozen"),
        lambda units: units[1]["gates"]["accuracy"].update(findings=[]),
        lambda units: units[0]["gates"]["security"].update(outcome="failed"),
        lambda units: units[0]["gates"]["security"].update(outcome="fine"),
        lambda units: units[0].update(id="double"),
        lambda units: units[0].update(attempts=True),
        lambda units: units[0]["gates"]["security"].update(figures=[]),
        lambda units: units[2].update(error="nothing"),
        lambda units: units[0].pop("artifact"),
    ],
)
def test_a_report_that_cannot_be_is_refused(stored, change):
    """A verdict and its findings say the same, and a number is a number."""
    document = json.loads(stored.read_bytes())
    change(document["units"])
    stored.write_text(json.dumps(document), encoding="utf-8")

    with pytest.raises(ArtifactError, match="no report that can be read"):
        results_of(stored)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 2, "units": []}', "\udcff"])
def test_another_file_is_no_report(tmp_path, text):
    """The message says what writes one."""
    path = tmp_path / "x.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))

    with pytest.raises(ArtifactError, match="--compile-report"):
        results_of(path)
    with pytest.raises(ArtifactError, match="No such file"):
        results_of(tmp_path / "missing.json")


def test_a_form_there_is_not_is_told_and_nothing_is_written(stored, capsys):
    """So are figures that no gate writes."""
    page = stored.with_name("page.html")

    assert main(["report", str(stored), str(page), "x.pdf"]) == 2
    assert "the suffix '.pdf'" in capsys.readouterr().err
    document = json.loads(stored.read_bytes())
    document["units"][1]["gates"]["latency"] = {
        "outcome": "passed",
        "findings": [],
        "figures": {"quantiles_ms": "fast"},
    }
    stored.write_text(json.dumps(document), encoding="utf-8")

    assert main(["report", str(stored), str(page)]) == 2
    assert "figures of a verdict that no report can tell" in capsys.readouterr().err
    assert not page.exists()
