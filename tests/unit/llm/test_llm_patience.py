"""Asking again: the waits between tries, and the end of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from pytest_compiledai.core.errors import BudgetSpent
from pytest_compiledai.core.errors import EndpointFault
from pytest_compiledai.llm.fault import Fault
from pytest_compiledai.llm.fault import FaultKind
from pytest_compiledai.llm.patience import Patience
from pytest_compiledai.llm.patience import PatientClient
from pytest_compiledai.llm.request import Message
from pytest_compiledai.llm.request import Reply
from pytest_compiledai.llm.request import Request

REQUEST = Request(messages=(Message(role="user", content="hi"),), parameters={})
REPLY = Reply(text="ok", model="m", tokens_in=1, tokens_out=1)


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.naps: list[float] = []

    def __call__(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.now_s += seconds


class Scripted:
    """A client that fails as told, then answers."""

    model = "m"
    where = "m at http://here/v1"

    def __init__(self, faults: Sequence[Exception]) -> None:
        self.faults = list(faults)
        self.asked = 0

    def prepare(self) -> None:
        """Nothing to load."""

    async def ask(self, request: Request) -> Reply:
        self.asked += 1
        if self.faults:
            raise self.faults.pop(0)
        return REPLY


def fault(kind: FaultKind = FaultKind.BUSY, retry_after_s: float | None = None) -> Fault:
    return Fault(kind=kind, found=f"a fault ({kind})", retry_after_s=retry_after_s)


def asked(client: Scripted, clock: Clock, **settings: float) -> Reply:
    patience = Patience(clock=clock, sleep=clock.sleep, jitter=lambda most: most, **settings)  # type: ignore[arg-type]
    return asyncio.run(PatientClient(client, patience).ask(REQUEST))


def test_the_waits_double_up_to_a_bound() -> None:
    """Each wait is at most twice the one before, and never above the bound."""
    clock = Clock()

    asked(Scripted([fault()] * 5), clock, tries=6, most_wait_s=5.0)

    assert clock.naps == [1.0, 2.0, 4.0, 5.0, 5.0]


def test_the_jitter_is_full() -> None:
    """A wait is drawn between nothing and its bound."""
    waits = [Patience().wait_s(3, fault()) for _ in range(200)]

    assert 0.0 <= min(waits) < 1.0
    assert 3.0 < max(waits) <= 4.0


def test_a_retry_after_is_the_least() -> None:
    """An endpoint's own wish is kept where it is longer than the back-off."""
    clock = Clock()

    asked(Scripted([fault(retry_after_s=7.0), fault(retry_after_s=0.5)]), clock)

    assert clock.naps == [7.0, 2.0]


@pytest.mark.parametrize("kind", sorted(set(FaultKind) - {FaultKind.REFUSED, FaultKind.LENGTH}))
def test_the_tries_end(kind: FaultKind) -> None:
    """Every fault that may go away is tried four times, and the error says so."""
    client = Scripted([fault(kind)] * 9)

    with pytest.raises(EndpointFault) as caught:
        asked(client, Clock())

    assert client.asked == 4
    assert caught.value.where == "m at http://here/v1"
    assert caught.value.found == f"a fault ({kind}) (at the last of 4 tries)"
    assert caught.value.next


@pytest.mark.parametrize(("kind", "tries"), [(FaultKind.REFUSED, 1), (FaultKind.LENGTH, 2)])
def test_what_will_not_change_is_not_tried_on(kind: FaultKind, tries: int) -> None:
    """A refusal is final at once, an answer cut at max_tokens at the second try."""
    client = Scripted([fault(kind)] * 9)

    with pytest.raises(EndpointFault):
        asked(client, Clock())

    assert client.asked == tries


def test_all_tries_together_have_a_deadline() -> None:
    """A wait that would pass the deadline is not begun."""
    clock, client = Clock(), Scripted([fault(retry_after_s=40.0)] * 9)

    with pytest.raises(EndpointFault, match=r"asks to wait 40 s \(at the last of 3 tries\)"):
        asked(client, clock, tries=9, deadline_s=100.0)

    assert clock.naps == [40.0, 40.0]


def test_a_try_ends_at_the_deadline() -> None:
    """A client that itself never ends is ended."""

    class Stuck(Scripted):
        async def ask(self, request: Request) -> Reply:
            await asyncio.sleep(60)
            return REPLY

    patience = Patience(deadline_s=0.05, first_wait_s=0.0)
    with pytest.raises(EndpointFault, match=r"before the deadline of 0\.05 s"):
        asyncio.run(PatientClient(Stuck([]), patience).ask(REQUEST))


@pytest.mark.parametrize(
    "error", [BudgetSpent(where="x", found="y", expected="z"), TimeoutError("of the client's own")]
)
def test_what_is_no_fault_is_not_tried_again(error: Exception) -> None:
    """A spent budget, and an error of our own, pass at once."""
    client = Scripted([error])

    with pytest.raises(type(error)):
        asked(client, Clock())

    assert client.asked == 1
