"""Recording a cascade: what is asked, what it can cost, and what a killed run goes on with."""

from __future__ import annotations

from collections import Counter

import pytest

from pytest_compiledai.core.errors import BudgetSpent
from pytest_compiledai.core.errors import EndpointFault
from pytest_compiledai.core.gate import Phase
from pytest_compiledai.distill import demos_judging
from pytest_compiledai.distill.recording import Recorder
from pytest_compiledai.distill.recording import read
from pytest_compiledai.llm.desks import desks_of
from pytest_compiledai.llm.fault import Fault
from pytest_compiledai.llm.fault import FaultKind
from pytest_compiledai.llm.request import Reply


class Model:
    """Names the queue that stands in the task; the small one errs on its second sample of one."""

    def __init__(self, name: str, asked: Counter, stop_after: int) -> None:
        self.model = self.where = name
        self.asked = asked
        self.stop_after = stop_after

    def prepare(self) -> None:
        pass

    async def ask(self, request) -> Reply:
        if self.asked.total() >= self.stop_after:
            raise Fault(kind=FaultKind.REFUSED, found="killed")
        self.asked[self.model] += 1
        task = request.messages[1].content.rpartition("goal: ")[2]
        errs = self.model == "planted/small" and request.sample == 1 and "ticket 0 " in task
        text = "other" if errs else task.partition(" about ")[2].partition("\n")[0]
        return Reply(text=text, model=self.model, tokens_in=90, tokens_out=3, seconds=0.2)


def recorded(tickets, *, tokens=None, stop_after=10_000):
    """Return the unit, the calls that were made, and the bill."""
    tickets.rows = tickets.rows[:12]
    unit = tickets.unit()
    asked: Counter = Counter()
    with desks_of(tokens, lambda name: Model(name, asked, stop_after)) as desks:
        recorder = Recorder(unit.body, desks)
        bill = recorder.bill()
        recorder.record()
    return unit, asked, bill


def test_what_was_recorded_is_what_the_gates_ask(tickets):
    """Every row is asked of the teacher and three times of the student, and can be replayed."""
    unit, asked, bill = recorded(tickets)

    verdict = demos_judging.judge("cost", unit.body, tickets.candidate(unit), Phase.ACCEPT)

    assert {"planted/big": 12, "planted/small": 36} == asked
    assert (48, ()) == (bill.calls, verdict.findings)


def test_samples_that_cannot_agree_any_more_are_not_asked(tickets):
    """With two of three needed, the third is asked only where the first two differ."""
    tickets.spec = tickets.spec.replace("samples: 3", "samples: 3, agree: 2")

    _, asked, bill = recorded(tickets)

    assert (48, 25) == (bill.calls, asked["planted/small"])


def test_a_killed_run_goes_on_where_it_was(tickets):
    """What is recorded is not asked again; an endpoint that fails ends the run."""
    with pytest.raises(EndpointFault):
        recorded(tickets, stop_after=20)

    _, asked, _ = recorded(tickets)

    assert asked.total() < 48


def test_a_student_that_fails_ends_the_run(tickets, monkeypatch):
    """An endpoint that fails is no answer that disagrees: nothing is escalated for it."""
    answers = Model.ask

    async def ask(self, request):
        if self.model == "planted/small":
            raise Fault(kind=FaultKind.REFUSED, found="gone")
        return await answers(self, request)

    monkeypatch.setattr(Model, "ask", ask)

    with pytest.raises(EndpointFault):
        recorded(tickets)


def test_the_budget_is_kept(tickets):
    """A bound below the bill stops the run."""
    with pytest.raises(BudgetSpent):
        recorded(tickets, tokens=3000)


def test_the_first_unit_of_the_kind_is_read(tickets):
    """The command takes a spec file."""
    tickets.unit()

    assert "tickets" == read(tickets.root / "specs" / "tickets.yaml", tickets.root).name
