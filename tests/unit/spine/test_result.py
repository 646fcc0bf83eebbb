"""What came of a unit, as values that cross processes."""

from __future__ import annotations

import dataclasses
import json

import pytest

from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.core.errors import BudgetSpent
from pytest_compiledai.core.result import Cost
from pytest_compiledai.core.result import Outcome
from pytest_compiledai.core.result import Result
from pytest_compiledai.core.result import Trouble
from pytest_compiledai.core.result import trouble_of
from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.core.verdict import Verdict

TROUBLE = Trouble(where="w", found="f", expected="e", next="n", kind="ModelError")
FULL = Result(
    unit="double",
    kind="function",
    spec="specs/double.yaml",
    line=3,
    outcome=Outcome.REJECTED,
    attempts=2,
    cost=Cost(tokens_in=1, tokens_out=2),
    spent=Cost(tokens_in=3, tokens_out=4),
    verdicts=(
        Verdict(
            gate="security",
            findings=(Finding(rule="r", message="m", path="p", line=5, quotable=False),),
            figures={"n": [1, {"x": None}]},
        ),
    ),
    off=("fuzz",),
    gates=("security", "syntax"),
    files={"double.py": "a" * 64},
    entry={"kind": "function"},
    trouble=TROUBLE,
    stopped=TROUBLE,
    reference_tokens=12.5,
    model="tester",
)


def test_a_result_survives_the_way_between_processes():
    """Through JSON and back every fact is the same."""
    assert Result.from_json(json.loads(canonical_json(FULL.as_json()))) == FULL


def test_no_field_is_left_behind():
    """A field that is added to the result is added to its JSON."""
    assert set(FULL.as_json()) == {field.name for field in dataclasses.fields(Result)}


def test_a_result_with_nothing_in_it_survives(result_of):
    """Missing entry, trouble and tokens stay missing."""
    result = result_of()

    assert Result.from_json(json.loads(canonical_json(result.as_json()))) == result


@pytest.mark.parametrize("outcome", Outcome)
def test_which_outcomes_are_accepted(result_of, outcome):
    """Frozen, renewed and unchanged passed every gate; nothing else did."""
    assert result_of(outcome=outcome).accepted is (outcome in ("frozen", "renewed", "unchanged"))


def test_verdicts_are_found_by_gate(result_of):
    """A gate that was not asked has no verdict; the failed one is named."""
    passed = Verdict(gate="security")
    failed = Verdict(gate="syntax", findings=(Finding(rule="r", message="m"),))
    result = result_of(verdicts=(passed, failed))

    assert result.verdict("security") is passed
    assert result.verdict("fuzz") is None
    assert result.failed_gate() == "syntax"
    assert result_of(verdicts=(passed,)).failed_gate() is None


def test_costs_add_up():
    """Tokens in and out are summed apart."""
    assert Cost(tokens_in=1, tokens_out=2) + Cost(tokens_in=10, tokens_out=20) == Cost(
        tokens_in=11, tokens_out=22
    )


def test_trouble_keeps_the_facts_of_an_error():
    """An error told by another process reads as it did there."""
    error = BudgetSpent(where="w", found="f", expected="e", next="n")

    trouble = Trouble.of(error)

    assert trouble.kind == "BudgetSpent"
    assert str(trouble.error()) == str(error)
    assert trouble_of(error) == trouble
    assert trouble_of(None) is None
