"""The properties of a test case in a JUnit file."""

from __future__ import annotations

import pytest

from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.properties import properties

PAYLOAD = {"unit": "double", "gate": "latency", "artifact": ""}


@pytest.mark.parametrize(
    ("gate", "outcome", "expected"),
    [
        ("latency", "passed", "passed"),
        ("latency", "skipped", "skipped"),
        ("latency", "failed", "error"),
        ("compile", "failed", "failed"),
    ],
)
def test_a_gate_without_a_verdict_is_an_error(gate, outcome, expected):
    """A gate that could not ask its question did not say no."""
    found = dict(properties(PAYLOAD | {"gate": gate}, None, outcome))

    assert found == {
        "compiledai.unit": "double",
        "compiledai.gate": gate,
        "compiledai.outcome": expected,
    }


def test_plain_figures_are_properties(monkeypatch):
    """Numbers and short words are; tables and long texts are for the reports, keys for nobody."""
    monkeypatch.setenv("COMPILE_API_KEY", "abcdefgh123")
    figures = {"p50_ms": 0.25, "rows": 3, "by": "abcdefgh123", "text": "x" * 81, "table": {"a": 1}}
    verdict = Verdict(gate="latency", figures=figures)

    found = dict(properties(PAYLOAD, verdict, "passed"))

    assert {
        name.rpartition(".")[2]: value for name, value in found.items() if "figure" in name
    } == {
        "p50_ms": "0.25",
        "rows": "3",
        "by": "[redacted:COMPILE_API_KEY]",
    }
