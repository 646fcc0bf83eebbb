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
from pytest_compiledai.workflows.bill import bill_of
from pytest_compiledai.workflows.links import JUDGE
from pytest_compiledai.workflows.links import Link
from pytest_compiledai.workflows.links import candidates_of
from pytest_compiledai.workflows.profile import read_profile
from pytest_compiledai.workflows.profiling import Profiler
from pytest_compiledai.workflows.profiling import main
from pytest_compiledai.workflows.profiling import write
from pytest_compiledai.workflows.sensitivity import Shift
from pytest_compiledai.workflows.sensitivity import shifts


class Model:
    """Answers `right N`; every third problem it gets wrong, unless it reviews.

    It accepts what is right, names the branch `hard` for every fourth problem, and of candidates
    picks the first right one.
    """

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
        return Reply(
            text=f"thinking\n{self.answered(text, number)}",
            model=self.model,
            tokens_in=7,
            tokens_out=3,
            seconds=0.5,
        )

    def answered(self, text: str, number: int) -> str:
        if "Candidate 1" in text:
            texts = re.findall(r"Candidate \d+:\n(\w+)", text)
            return str(texts.index("right") + 1 if "right" in texts else 1)
        if "Check" in text:
            return "accept" if "right" in text else "Reject."
        if "Sort" in text:
            return "Hard" if number % 4 == 0 else "easy"
        right = number % 3 != 0 or "Review" in text
        return f"{'right' if right else 'wrong'} {number}"


def with_reviewer(world, prompt: str, option: str):
    """Let the reviewer decide: its prompt, and the step that asks it in place of the vote."""
    world.spec = world.spec.replace("Review the answer to {n}.", prompt)
    world.spec = world.spec.replace("    - sequence: [solver, reviewer]\n", "")
    world.spec = world.spec.replace("vote: {of: solver, copies: 3}", option)
    return world


def decided(rows):
    """Return how often the reviewer's answers and scores came, by state."""
    return Counter((r["state"], r["answer"], r["score"]) for r in rows if r["agent"] == "reviewer")


def profiled(world, *, tokens=None, stop_after=None, problems: int = 12):
    """Return the rows that profiling gives, and what was asked."""
    world.problems = world.problems[:problems]
    unit = world.unit()
    asked: Counter = Counter()
    with desks_of(tokens, lambda name: Model(name, asked, stop_after)) as desks:
        profiler = Profiler(unit.body, desks, world.root / "answers", samples=2)
        bill = bill_of(profiler)
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


def test_a_gate_is_asked_about_right_and_wrong_results(world):
    """What it accepts is its answer; it scores where it accepts right and rejects wrong ones."""
    option = "cascade: {first: solver, gate: reviewer, then: solver}"
    rows, asked, bill, unit = profiled(with_reviewer(world, "Check {n}.", option), problems=24)

    assert decided(rows) == {
        ("correct", "accept", 1.0): 2 * 16,
        ("wrong", "reject", 1.0): 2 * 8,
    }
    assert asked.total() <= bill.calls
    write(rows, unit.body.profile_file)
    assert b"cascade(solver, reviewer, solver)" in made(unit.body)


def test_a_router_is_stored_by_the_names_of_its_branches(world):
    """However it writes a name, the profile holds it as the flow does."""
    option = "route: {by: reviewer, to: {easy: solver, hard: solver}}"
    rows, _, _, unit = profiled(with_reviewer(world, "Sort {n}.", option), problems=24)

    assert decided(rows) == {("correct", "easy", 1.0): 2 * 18, ("correct", "hard", 1.0): 2 * 6}
    write(rows, unit.body.profile_file)
    assert b"route(reviewer: solver, solver)" in made(unit.body)


def test_a_judge_is_asked_for_every_number_of_rightcandidates_of(world):
    """Of three results none to three are right, as far as the problem has right and wrong ones."""
    option = "best: {of: solver, copies: 3, judge: reviewer}"
    rows, asked, bill, unit = profiled(with_reviewer(world, "Best of {n}?", option), problems=12)

    states = Counter((r["state"], r["score"]) for r in rows if r["agent"] == "reviewer")
    # A solver that is always right or always wrong leaves all or none; the bill allows for mixes.
    assert states == {("0/3", 0.0): 2 * 4, ("3/3", 1.0): 2 * 8}
    assert asked.total() <= bill.calls
    write(rows, unit.body.profile_file)
    assert b"best(solver, solver, solver, reviewer)" in made(unit.body)


def test_a_judge_sees_right_and_wrong_candidates_mixed():
    """Where a problem has both, each number of right ones is put together, in a repeatable order."""
    link = Link("judge", JUDGE, pool=("solver",), of=3)

    one, again = (candidates_of(link, ["good"], ["bad", "worse"], 2, "p1/0") for _ in range(2))

    assert one == again
    assert sorted(one.candidates).count("good") == 2
    assert [text == "good" for text in one.candidates] == list(one.right)


def test_the_shift_by_the_references_results_is_measured(world):
    """The reviewer scores alike whoever made a result, and is asked again about few problems."""
    world.problems = world.problems[:12]
    asked: Counter = Counter()
    with desks_of(None, lambda name: Model(name, asked, None)) as desks:
        profiler = Profiler(world.unit().body, desks, world.root / "answers", samples=1)
        profiler.rows()
        before = asked.total()
        found = list(shifts(profiler, 3))

    # Both solvers give the same texts, so that there is nothing to ask again.
    assert before == asked.total()
    assert [(s.agent, s.state, s.other, s.differences) for s in found] == [
        ("reviewer", "correct", "large", ()),
        ("reviewer", "wrong", "large", ()),
    ]


def test_a_shift_is_told_with_its_interval():
    """Scores that fall on every problem are told as such; one pair says nothing."""
    shift = Shift("reviewer", "wrong", "small", "large", (-1.0, -1.0, 0.0, -1.0))

    assert str(shift) == (
        "reviewer on wrong results of large instead of small: -0.750 [-1.240, -0.260], n=4"
    )
    assert "nothing to say" in str(shift._replace(differences=(1.0,)))


def test_other_results_are_asked_about_at_most_so_often(world):
    """Where results differ, each later call is asked about so many problems and no more."""
    world.problems = world.problems[:12]
    asked: Counter = Counter()

    class Own(Model):
        def answered(self, text, number):
            said = super().answered(text, number)
            return said.upper() if self.model == "large" else said

    with desks_of(None, lambda name: Own(name, asked, None)) as desks:
        profiler = Profiler(world.unit().body, desks, world.root / "answers", samples=1)
        profiler.rows()
        before = asked.total()
        found = list(shifts(profiler, 3))

    assert [len(shift.differences) for shift in found] == [3, 3]
    assert asked.total() - before == 6


def test_a_model_without_times_is_refused_before_it_is_paid(world, monkeypatch, capsys):
    """An endpoint whose answers are not timed is named, with what to write in its place."""
    world.spec = world.spec.replace("models: [small, large]", "models: [small, bridge/large]")
    world.unit()
    monkeypatch.chdir(world.root)
    monkeypatch.setattr("sys.argv", ["profiling", "specs/answer.yaml", "--yes"])

    code = main()

    assert 2 == code
    assert "bridge/large, whose answers are not timed" in capsys.readouterr().err


def test_the_bill_comes_before_the_first_call(world, monkeypatch, capsys):
    """What measuring can cost is printed, and without agreement nobody is asked."""
    world.unit()
    monkeypatch.chdir(world.root)
    monkeypatch.setattr("sys.argv", ["profiling", "specs/answer.yaml", "--sensitivity", "3"])
    monkeypatch.setattr("builtins.input", lambda _: "n")

    code = main()

    assert 1 == code
    # 150 problems, 2 samples: two solvers, one reviewer on right and wrong results; 2 x 3 again.
    assert "at most 1,206 calls, " in capsys.readouterr().err
    assert not list(world.root.glob("specs/recordings/*.answers"))


def test_a_map_is_not_measured_here(world):
    """A flow with a map is refused before anything is asked, with what to do."""
    world.spec = world.spec.replace(
        "vote: {of: solver, copies: 3}", "map: {each: solver, items: 3}"
    )

    with pytest.raises(SpecError, match="section Importing"):
        profiled(world)


class Planner(Model):
    """Plans `good plan` for two of three problems; a good plan becomes a right answer."""

    def answered(self, text, number):
        if "so far" not in text:
            return "a plan" if number % 3 else "no idea"
        return f"right {number}" if "a plan" in text else f"wrong {number}"


def test_a_result_that_is_no_answer_is_completed(world):
    """A plan is right when the agent after it makes a right answer of it; the bill has that, too."""
    head, _, _ = world.spec.partition("flow:")
    world.spec = head + "flow: {sequence: [solver, reviewer]}\n"
    world.problems = world.problems[:12]
    asked: Counter = Counter()

    with desks_of(None, lambda name: Planner(name, asked, None)) as desks:
        profiler = Profiler(world.unit().body, desks, world.root / "answers", samples=1)
        rows, bill = profiler.rows(), bill_of(profiler)

    told = Counter((r["agent"], r["state"], r["score"]) for r in rows)
    assert {("solver", "correct", 1.0): 16, ("solver", "correct", 0.0): 8} == {
        key: count for key, count in told.items() if key[0] == "solver"
    }
    assert (8, 4) == (told["reviewer", "correct", 1.0], told["reviewer", "wrong", 0.0])
    assert asked.total() <= bill.calls
