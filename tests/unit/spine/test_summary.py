"""The lines of a run's summary."""

from __future__ import annotations

import pytest

from pytest_compiledai.core.result import Cost
from pytest_compiledai.core.result import Outcome
from pytest_compiledai.core.result import Trouble
from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.summary import COLOURS
from pytest_compiledai.summary import Line
from pytest_compiledai.summary import LockDiff
from pytest_compiledai.summary import break_even
from pytest_compiledai.summary import lock_lines
from pytest_compiledai.summary import sandbox_lines
from pytest_compiledai.summary import total_lines
from pytest_compiledai.summary import unit_lines

SECURITY = Verdict(gate="security")
ACCURACY = Verdict(
    gate="accuracy",
    figures={"accuracy": 0.96, "interval": {"low": 0.8, "high": 0.991}, "rows": 24},
)
REFUSED = Verdict(gate="security", findings=(Finding(rule="security.import", message="os"),))


def texts(lines: list[Line]) -> list[str]:
    return [line.text for line in lines]


def test_a_frozen_unit_says_gates_accuracy_and_price(result_of):
    """One line holds the outcome, the gates passed, the interval and when the tokens are back."""
    result = result_of(
        verdicts=(SECURITY, ACCURACY),
        cost=Cost(tokens_in=900, tokens_out=110),
        reference_tokens=100.0,
    )

    assert texts(unit_lines([result], verbose=False)) == [
        "frozen    double  2/2 gates  accuracy 0.960 [0.80, 0.99]  1,010 tokens, pays after 11 calls"
    ]


@pytest.mark.parametrize("outcome", [Outcome.UNCHANGED, Outcome.RENEWED])
def test_an_artifact_taken_as_it_stood_has_no_price(result_of, outcome):
    """The run asked for no proposal, so what it replayed is not what the artifact cost."""
    cost = Cost(tokens_in=900, tokens_out=110)
    result = result_of(outcome=outcome, cost=cost, reference_tokens=100.0)

    assert "tokens" not in texts(unit_lines([result], verbose=False))[0]


def test_what_was_rejected_says_what_it_cost_and_never_that_it_pays(result_of):
    """Tokens are spent on it all the same."""
    cost = Cost(tokens_in=900, tokens_out=110)
    result = result_of(
        verdicts=(REFUSED,), outcome=Outcome.REJECTED, cost=cost, reference_tokens=100.0
    )

    (line,) = texts(unit_lines([result], verbose=False))

    assert line == "rejected  double  failed security  1,010 tokens"


def test_an_accuracy_says_what_it_leaves_out(result_of):
    """Rows that were not answered, and that no test row was kept, change what the share means."""
    figures = ACCURACY.figures | {"coverage": 0.25, "split": "train"}
    result = result_of(verdicts=(Verdict(gate="accuracy", figures=figures),))

    (line,) = unit_lines([result], verbose=False)

    assert "accuracy 0.960 [0.80, 0.99] of train rows, coverage 0.250" in line.text


def test_a_gate_may_say_when_a_unit_without_tokens_pays(result_of):
    """What was measured in seconds stands where tokens would."""
    syntax = Verdict(gate="syntax", figures={"pays_after": "9 calls: 1 prediction a day"})

    (line,) = texts(unit_lines([result_of(verdicts=(SECURITY, syntax))], verbose=False))

    assert line.endswith("  pays after 9 calls: 1 prediction a day")


def test_a_rejected_unit_names_its_gate(result_of):
    """The failing gate is what matters."""
    result = result_of(outcome=Outcome.REJECTED, verdicts=(REFUSED,))

    assert texts(unit_lines([result], verbose=False)) == ["rejected  double  failed security"]


def test_a_unit_that_could_not_be_judged_says_why(result_of):
    """An error's place and finding stand in the line."""
    trouble = Trouble(where="specs/double.yaml:1", found="no recording", expected="one")
    result = result_of(outcome=Outcome.ERROR, trouble=trouble)

    (line,) = unit_lines([result], verbose=False)

    assert line.text == "error     double  specs/double.yaml:1: found no recording"
    assert line.colour == "red"


def test_what_is_off_stands_in_the_line(result_of):
    """A gate that a spec switched off is not passed over in silence."""
    result = result_of(verdicts=(SECURITY, ACCURACY), off=("fuzz",))

    (line,) = unit_lines([result], verbose=False)

    assert line.text.endswith("off: fuzz")


def test_names_are_aligned(result_of):
    """The gates of all units begin in one column."""
    lines = unit_lines([result_of(unit="a"), result_of(unit="long_name")], verbose=False)

    assert len({line.text.index("0/2 gates") for line in lines}) == 1


def test_verbose_adds_plain_figures_of_each_gate(result_of):
    """A line a gate; nested figures are left to the report."""
    lines = unit_lines([result_of(verdicts=(SECURITY, ACCURACY))], verbose=True)

    assert texts(lines)[1:] == [
        "    security   passed",
        "    accuracy   passed  accuracy 0.96, rows 24",
    ]
    assert all(line.dim for line in lines[1:])


@pytest.mark.parametrize(
    ("cost", "tokens", "calls"),
    [
        (Cost(), 100.0, None),
        (Cost(tokens_in=1), None, None),
        (Cost(tokens_in=1), 0.0, None),
        (Cost(tokens_in=60, tokens_out=40), 100.0, 1),
        (Cost(tokens_in=60, tokens_out=41), 100.0, 2),
    ],
)
def test_break_even_rounds_up(result_of, cost, tokens, calls):
    """The tokens spent over the tokens of one direct call; unknown where either is."""
    assert break_even(result_of(cost=cost, reference_tokens=tokens)) == calls


def test_totals_count_every_outcome(result_of):
    """The four usual outcomes are always there, the others where they occurred."""
    results = [result_of(), result_of(outcome=Outcome.STALE), result_of(outcome=Outcome.STALE)]

    (line,) = total_lines(results, live=False)

    assert line.text == "1 frozen, 0 renewed, 0 unchanged, 0 rejected, 2 stale"
    assert (line.colour, line.bold) == ("red", True)


def test_totals_of_good_results_are_green(result_of):
    """Nothing bad, nothing red."""
    (line,) = total_lines([result_of(outcome=Outcome.RENEWED)], live=False)

    assert line.colour == "green"
    assert "stale" not in line.text


@pytest.mark.parametrize(
    ("live", "source"), [(True, "30 in, 4 out asked now"), (False, "all replayed")]
)
def test_tokens_are_summed_and_told_apart(result_of, live, source):
    """What all units rest on, and what of it this run asked for."""
    one = result_of(cost=Cost(tokens_in=1_000, tokens_out=10))
    two = result_of(cost=Cost(tokens_in=30, tokens_out=4), spent=Cost(tokens_in=30, tokens_out=4))

    assert texts(total_lines([one, two], live=live))[1] == f"tokens 1,030 in, 14 out ({source})"


def test_the_sandbox_is_named_with_why_not_a_stronger_one():
    """Each sandbox of the run has a line; the reason stands where there is one."""
    docker = {"name": "docker", "wall": "seccomp", "reason": ""}
    native = {"name": "native", "wall": "seccomp", "reason": "docker sandbox: no engine"}

    assert texts(sandbox_lines([docker, native])) == [
        "sandbox docker: seccomp",
        "sandbox native: seccomp (not docker sandbox: no engine)",
    ]


def test_a_lock_that_stayed_is_one_dim_line():
    """Nothing changed is said too."""
    assert lock_lines(LockDiff(path="compiledai.lock")) == [
        Line(text="compiledai.lock unchanged", dim=True)
    ]


def test_a_lock_diff_names_every_entry():
    """Added, changed and dropped entries stand a line each, by name."""
    diff = LockDiff(
        path="compiledai.lock",
        added={"b": "b" * 64, "a": "a" * 64},
        changed={"c": ("1" * 64, "2" * 64)},
        dropped=("d",),
    )

    assert texts(lock_lines(diff)) == [
        "compiledai.lock +2 ~1 -1",
        f'  + [artifact."a"] entry {"a" * 12}',
        f'  + [artifact."b"] entry {"b" * 12}',
        f'  ~ [artifact."c"] entry {"1" * 12} -> {"2" * 12}',
        '  - [artifact."d"]',
        "  what changed: compiledai diff c",
    ]


def test_every_outcome_has_a_colour():
    """No outcome is left to a KeyError at the end of a run."""
    assert set(COLOURS) == set(Outcome)


def test_a_line_has_the_markup_of_the_terminal_writer():
    """What is dim here is called `light` there."""
    line = Line(text="x", colour="red", bold=True, dim=True)

    assert line.markup == {"red": True, "bold": True, "light": True}
    assert Line(text="x").markup == {}
