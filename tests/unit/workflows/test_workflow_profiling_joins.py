"""Measuring calls that read several results: what they are given, and what is right of it."""

from __future__ import annotations

import re
from collections import Counter
from itertools import product

import pytest

pytest.importorskip("polars", reason="the extra `workflows` is not installed")

from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.llm.desks import desks_of
from pytest_compiledai.llm.fault import Fault
from pytest_compiledai.llm.fault import FaultKind
from pytest_compiledai.llm.request import Reply
from pytest_compiledai.workflows.bill import bill_of
from pytest_compiledai.workflows.deck import Decks
from pytest_compiledai.workflows.plan import structures
from pytest_compiledai.workflows.profile import read_profile
from pytest_compiledai.workflows.profiling import Profiler
from pytest_compiledai.workflows.profiling import write
from pytest_compiledai.workflows.replay import Replay

JOIN = "{sequence: [{join: [left, right]}, whole]}"
READS = "{sequence: [left, {step: right, reads: []}, {step: whole, reads: [left, right]}]}"
SETTINGS = ("small", "large")
#: Of which problems an agent's setting makes a bad half: multiples of so much.
BAD = {"left": {"small": 3, "large": 7}, "right": {"small": 2, "large": 5}}


class Halves:
    """Makes halves, and of two good ones the right answer; an `empty` half says nothing."""

    def __init__(self, name: str, asked: Counter, stop_after: int | None, *, empty: str) -> None:
        self.model = self.where = name
        self.asked = asked
        self.stop_after = stop_after
        self.empty = empty

    def prepare(self) -> None:
        pass

    async def ask(self, request) -> Reply:
        if self.stop_after is not None and self.asked.total() >= self.stop_after:
            raise Fault(kind=FaultKind.REFUSED, found="killed")
        text = request.messages[0].content
        agent, number = text.split()[0], int(re.search(r"\d+", text)[0])
        self.asked[agent, text.partition("so far:\n")[2]] += 1
        said = self.answered(agent, number, text)
        return Reply(text=said, model=self.model, tokens_in=7, tokens_out=3, seconds=0.5)

    def answered(self, agent: str, number: int, text: str) -> str:
        if agent in BAD:
            good = is_good(agent, self.model, number)
            bad = "" if agent == self.empty else f"bad {agent}"
            return f"good {agent} of {self.model}" if good else bad
        both = "good left" in text and "good right" in text
        return f"{'right' if both else 'wrong'} {number}"


def is_good(agent: str, setting: str, number: int) -> bool:
    return number % BAD[agent][setting] != 0


def profiled(world, flow: str, *, stop_after=None, empty="", problems=12, samples=1):
    """Return the rows of a flow, what was asked, the bill, and the unit."""
    head, _, _ = world.spec.partition("agents:")
    agents = "".join(
        f"  {name}: {{prompt: '{name} {{n}}.', models: [{models}]}}\n"
        for name, models in (("left", "small, large"), ("right", "small, large"), ("whole", "one"))
    )
    world.spec = f"{head}agents:\n{agents}flow: {flow}\nchoose:\n  good: {{accuracy: 0.1}}\n"
    world.problems = world.problems[:problems]
    unit = world.unit()
    asked: Counter = Counter()
    with desks_of(None, lambda name: Halves(name, asked, stop_after, empty=empty)) as desks:
        profiler = Profiler(unit.body, desks, world.root / "answers", samples=samples)
        bill = bill_of(profiler)
        rows = profiler.rows()
    return rows, asked, bill, unit


def composed(rows, unit):
    """Yield both settings of the halves, and what replay makes of the problems with them."""
    write(rows, unit.body.profile_file)
    profile = read_profile(unit.body.profile_file.read_bytes(), "p")
    (step,) = [each for each in structures(unit.body.plan) if "whole" in str(each)]
    replay = Replay(Decks(profile, draws={"left": 1, "right": 1, "whole": 1}, replicates=1))
    for left, right in product(SETTINGS, SETTINGS):
        found = replay.run(step, {"left": left, "right": right, "whole": "one"})
        by_query = dict(zip(profile.queries, found.score[0] > 0, strict=True))
        yield left, right, by_query, set(found.seconds[0])


@pytest.mark.parametrize("flow", [JOIN, READS])
def test_a_measured_join_composes_to_the_truth(world, flow):
    """At every setting of the halves just the problems come out right that two good ones solve."""
    rows, asked, bill, unit = profiled(world, flow)

    for left, right, by_query, _ in composed(rows, unit):
        assert by_query == {
            f"p{n}": is_good("left", left, n) and is_good("right", right, n) for n in range(12)
        }
    assert asked.total() <= bill.calls


def test_halves_side_by_side_take_the_longer_ones_time(world):
    """Half a second for both halves at once, and another for the whole."""
    rows, _, _, unit = profiled(world, JOIN)

    assert all(seconds == {1.0} for *_, seconds in composed(rows, unit))


def test_the_whole_is_given_what_a_run_would_give_it(world):
    """The reference's halves, a line each; another setting's where it never made good ones."""
    _, asked, _, _ = profiled(world, JOIN, problems=2)

    assert asked["whole", "good left of small\ngood right of small"] == 1
    assert asked["whole", "bad left\nbad right"] == 1


def test_the_references_halves_of_one_sample_belong_together(world):
    """Where both are wrong they are the wrong input, though another setting made a good one."""
    *_, unit = profiled(world, JOIN)
    with desks_of(None, lambda name: Halves(name, Counter(), None, empty="")) as desks:
        profiler = Profiler(unit.body, desks, world.root / "answers", samples=1)
        given = profiler.given(profiler.chains[0], 0, prefer="small")

    assert given["p6"] == {
        "wrong": "bad left\nbad right",
        "correct": "good left of large\ngood right of large",
    }


def test_a_half_that_is_empty_is_not_given_on(world):
    """What no run would ask is not measured, and its problems come out wrong."""
    rows, asked, _, unit = profiled(world, JOIN, empty="right")

    halves = [before.split("\n") for agent, before in asked if agent == "whole"]
    assert all(len(each) == 2 and all(each) for each in halves)
    assert {"correct", "wrong"} == {row["state"] for row in rows if row["agent"] == "whole"}
    for left, right, by_query, _ in composed(rows, unit):
        assert by_query == {
            f"p{n}": is_good("left", left, n) and is_good("right", right, n) for n in range(12)
        }


def test_a_measured_join_goes_on_after_a_kill(world):
    """What was answered is not asked again, and the rows are those of an unbroken run."""
    with pytest.raises(Exception, match="killed"):
        profiled(world, JOIN, stop_after=60)
    rows, rest, _, _ = profiled(world, JOIN)
    again, nothing, _, _ = profiled(world, JOIN)

    assert 0 < rest.total() <= len(rows)
    assert (0, rows) == (nothing.total(), again)


def test_the_bill_counts_every_combination_of_halves(world):
    """Two samples: two halves at two settings, the whole on right and wrong ones, four by four."""
    _, asked, bill, _ = profiled(world, JOIN, samples=2)

    assert asked.total() <= bill.calls == 12 * (4 + 4 + 4 + 16)


@pytest.mark.parametrize(
    "flow",
    [
        "{join: [left, right, whole]}",  # nobody reads it
        "{sequence: [{join: [left, left, right]}, whole]}",  # draws of one agent
        "{sequence: [left, {step: right, reads: [left]}, {step: whole, reads: [left, right]}]}",
    ],
)
def test_other_joins_are_not_measured_here(world, flow):
    """What is not told apart, or not one call each, is refused before anything is asked."""
    with pytest.raises(SpecError, match="section Importing"):
        profiled(world, flow)
