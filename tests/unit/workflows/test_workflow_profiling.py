"""Measuring a profile: what is asked, what is recorded, and what a killed run goes on with."""

from __future__ import annotations

import re
from collections import Counter

import pytest

pytest.importorskip("polars", reason="the extra `workflows` is not installed")

from pytest_compiledai.core.errors import BudgetSpent
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.llm.desks import desks_of
from pytest_compiledai.llm.fault import Fault
from pytest_compiledai.llm.fault import FaultKind
from pytest_compiledai.llm.request import Reply
from pytest_compiledai.workflows.artifact import made
from pytest_compiledai.workflows.profile import read_profile
from pytest_compiledai.workflows.profiling import Profiler
from pytest_compiledai.workflows.profiling import write


class Model:
    """Answers `right N`; every third problem it gets wrong, unless it reviews."""

    def __init__(self, name: str, asked: Counter, stop_after: int | None) -> None:
        self.model = self.where = name
        self.asked = asked
        self.stop_after = stop_after

    def prepare(self) -> None:
        pass

    async def ask(self, request) -> Reply:
        if self.stop_after is not None and self.asked.total() >= self.stop_after:
            raise Fault(kind=FaultKind.REFUSED, found="killed")
        text = request.messages[0].content
        self.asked[self.model, text.split()[0], "so far" in text] += 1
        number = int(re.search(r"\d+", text)[0])
        right = number % 3 != 0 or "Review" in text
        return Reply(
            text=f"thinking\n{'right' if right else 'wrong'} {number}",
            model=self.model,
            tokens_in=7,
            tokens_out=3,
            seconds=0.5,
        )


def profiled(world, *, tokens=None, stop_after=None, problems: int = 12):
    """Return the rows that profiling gives, and what was asked."""
    world.problems = world.problems[:problems]
    unit = world.unit()
    asked: Counter = Counter()
    with desks_of(tokens, lambda name: Model(name, asked, stop_after)) as desks:
        profiler = Profiler(unit.body, desks, world.root / "answers", samples=2)
        bill = profiler.bill()
        rows = profiler.rows()
    return rows, asked, bill, unit


def test_every_setting_is_asked_about_every_problem(world):
    """Two samples each; the reviewer is asked about right results and about wrong ones."""
    rows, asked, bill, _ = profiled(world)

    counted = Counter((r["agent"], r["setting"], r["state"]) for r in rows)
    assert {
        ("solver", "small", "correct"): 24,
        ("solver", "large", "correct"): 24,
        ("reviewer", "small", "correct"): 16,  # 4 of 12 problems were never answered rightly
        ("reviewer", "small", "wrong"): 8,
    } == counted
    assert asked.total() == len(rows) <= bill.calls


def test_what_was_measured_can_be_composed(world):
    """The rows are a profile, and a trade-off set can be made of it."""
    rows, _, _, unit = profiled(world, problems=40)
    write(rows, unit.body.profile_file)

    cell = read_profile(unit.body.profile_file.read_bytes(), "p").cell("reviewer", "small", "wrong")

    assert (1.0, 0.5) == (cell.score.mean(), cell.seconds.mean())
    assert b"sequence(solver, reviewer)" in made(unit.body)


def test_what_is_recorded_is_not_asked_again(world):
    """A second run asks nothing and gives the same rows."""
    first, *_ = profiled(world)
    again, asked, *_ = profiled(world)

    assert (0, first) == (asked.total(), again)


def test_a_run_that_broke_off_goes_on(world):
    """What was answered before is kept; only the rest is asked."""
    with pytest.raises(Exception, match="killed"):
        profiled(world, stop_after=10)

    rows, asked, *_ = profiled(world)

    # Of ten answers up to eight, four a model, were on their way when it broke off.
    assert asked.total() <= len(rows) - 2


def test_a_bound_on_tokens_holds(world):
    """The call that could exceed the bound is not made."""
    with pytest.raises(BudgetSpent):
        profiled(world, tokens=8_100)


def test_a_judge_is_not_measured_here(world):
    """A flow with a judge is refused before anything is asked, with what to do."""
    world.spec = world.spec.replace(
        "vote: {of: solver, copies: 3}", "best: {of: solver, copies: 3, judge: reviewer}"
    )

    with pytest.raises(SpecError, match="section Importing"):
        profiled(world)
