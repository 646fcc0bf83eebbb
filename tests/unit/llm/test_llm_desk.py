"""The desk: replay first, one purchase a request, errors where they are asked for."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pytest_compiledai.core.errors import BudgetSpent
from pytest_compiledai.core.errors import EndpointFault
from pytest_compiledai.core.errors import ModelError
from pytest_compiledai.core.errors import RecordingMissing
from pytest_compiledai.core.errors import SettingsError
from pytest_compiledai.core.place import Place
from pytest_compiledai.core.result import Cost
from pytest_compiledai.llm.client import LiteLLMClient
from pytest_compiledai.llm.client import load_litellm
from pytest_compiledai.llm.client import shown_endpoint
from pytest_compiledai.llm.desk import Desk
from pytest_compiledai.llm.desk import Job
from pytest_compiledai.llm.fault import Fault
from pytest_compiledai.llm.fault import FaultKind
from pytest_compiledai.llm.ledger import Bounds
from pytest_compiledai.llm.ledger import Ledger
from pytest_compiledai.llm.patience import Patience
from pytest_compiledai.llm.recording import Recordings
from pytest_compiledai.llm.request import Message
from pytest_compiledai.llm.request import Reply
from pytest_compiledai.llm.request import Request
from pytest_compiledai.llm.request import Size
from pytest_compiledai.llm.wire import retry_after_s

MODEL = "bridge/m"
WHERE = Place(path="specs/x.yaml", line=4)


def request_of(text: str = "hi", sample: int = 0) -> Request:
    return Request(
        messages=(Message(role="user", content=text),),
        parameters={"max_tokens": 50},
        sample=sample,
    )


class Fake:
    """A model that answers with a number, after a while, and counts what it does at a time."""

    model = MODEL
    where = "bridge/m at http://here/v1"

    def __init__(self, *, wait_s: float = 0.0, fails: Fault | None = None, text: str = "") -> None:
        self.wait_s = wait_s
        self.fails = fails
        self.text = text
        self.asked: list[Request] = []
        self.running = self.most_running = 0

    def prepare(self) -> None:
        """Nothing to load."""

    async def ask(self, request: Request) -> Reply:
        self.asked.append(request)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        await asyncio.sleep(self.wait_s)
        self.running -= 1
        if self.fails is not None:
            raise self.fails
        text = self.text or f"answer {len(self.asked)}"
        return Reply(text=text, model=MODEL, tokens_in=10, tokens_out=3)


class Room:
    """A folder for one run, and the desks of its processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.recordings = Recordings(folder / "recordings")
        self.desks: list[Desk] = []

    def desk(self, client: Fake | None, **settings: Any) -> Desk:
        known = {"record": "missing", "model": MODEL, "ledger": None}
        self.desks.append(
            Desk(
                client=client,
                claims=self.folder / "claims",
                patience=Patience(tries=1),
                **(known | settings),
            )
        )
        return self.desks[-1]

    def ask(self, desk: Desk, request: Request, *, preferred: str | None = None) -> Reply:
        return desk.ask(
            request,
            recordings=self.recordings,
            where=WHERE,
            preferred=preferred,
            command="pytest --compile specs/x.yaml",
        )

    def job(self, request: Request) -> Job:
        return Job(request=request, recordings=self.recordings)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    room = Room(tmp_path)
    yield room
    for desk in room.desks:
        desk.close()


def test_what_is_recorded_is_replayed(room: Room) -> None:
    """A recorded answer costs nothing, is counted apart, and starts no thread."""
    client = Fake()
    reply = Reply(text="old", model=MODEL, tokens_in=7, tokens_out=2)
    room.recordings.store(request_of(), reply)
    desk = room.desk(client)

    answers = [room.ask(desk, request_of()) for _ in range(2)]

    assert answers == [reply, reply]
    assert client.asked == []
    assert desk.spent() == Cost()
    assert desk.replayed() == Cost(tokens_in=7, tokens_out=2)
    assert not desk.is_paid(request_of(), room.recordings)
    assert not [thread for thread in threading.enumerate() if thread.name == "compiledai-llm"]


def test_what_is_missing_is_asked_once(room: Room) -> None:
    """A missing answer is bought, stored, and the same for the rest of the run."""
    client = Fake()
    desk = room.desk(client)

    answers = [room.ask(desk, request_of()) for _ in range(3)]

    assert {answer.text for answer in answers} == {"answer 1"}
    assert client.asked == [request_of()]
    assert desk.spent() == Cost(tokens_in=10, tokens_out=3)
    assert desk.replayed() == Cost()
    assert desk.is_paid(request_of(), room.recordings)
    assert room.recordings.find(request_of().key) == (answers[0],)


@pytest.mark.parametrize(
    "settings",
    [{"record": "none"}, {"record": "missing", "model": None}, {"client": None}],
)
def test_without_a_model_a_missing_answer_is_told(room: Room, settings: dict[str, Any]) -> None:
    """The error names the place in the spec, the request and the command that would record it."""
    client = settings.pop("client", Fake())
    desk = room.desk(client, **settings)

    with pytest.raises(RecordingMissing) as caught:
        room.ask(desk, request_of())

    assert not desk.live
    assert str(caught.value.where) == "specs/x.yaml:4"
    assert request_of().key[:16] in caught.value.found
    assert caught.value.next == "pytest --compile specs/x.yaml"


def test_without_a_model_the_preferred_one_replays(room: Room) -> None:
    """The entry's proposer answers where several models are recorded."""
    for model in ("a", "b"):
        room.recordings.store(
            request_of(), Reply(text=model, model=model, tokens_in=1, tokens_out=1)
        )
    desk = room.desk(None, model=None, record="none")

    assert room.ask(desk, request_of(), preferred="b").text == "b"


def test_all_asks_again_once_a_run(room: Room) -> None:
    """In mode `all` a recording is replaced, by one purchase for all processes of the run."""
    room.recordings.store(request_of(), Reply(text="old", model=MODEL, tokens_in=1, tokens_out=1))
    first, second = Fake(), Fake()
    desks = [room.desk(client, record="all") for client in (first, second)]

    answers = [room.ask(desk, request_of()).text for desk in (*desks, *desks)]

    assert answers == ["answer 1"] * 4
    assert (len(first.asked), len(second.asked)) == (1, 0)
    assert desks[1].spent() == Cost()
    assert desks[1].replayed() == Cost(tokens_in=10, tokens_out=3)
    assert all(desk.is_paid(request_of(), room.recordings) for desk in desks)


def test_two_workers_never_pay_twice(room: Room) -> None:
    """Who comes second waits for the first one's answer and replays it."""
    client = Fake(wait_s=0.2)
    desks = [room.desk(client) for _ in range(3)]
    for desk in desks:
        desk.prefetch([room.job(request_of())])

    answers = {room.ask(desk, request_of()).text for desk in desks}

    assert answers == {"answer 1"}
    assert len(client.asked) == 1


def test_equal_requests_of_two_folders_are_two(room: Room) -> None:
    """Each folder of recordings gets its own answer, for each is replayed by itself."""
    client = Fake()
    desk = room.desk(client, record="all")
    others = Recordings(room.folder / "others")

    room.ask(desk, request_of())
    desk.ask(request_of(), recordings=others, where=WHERE, preferred=None, command="")

    assert len(client.asked) == 2
    assert len(others.find(request_of().key)) == 1


def test_asking_ahead_takes_a_few_at_a_time(room: Room) -> None:
    """No more than the limit run at once, and all of them come."""
    client = Fake(wait_s=0.02)
    desk = room.desk(client, limit=3)
    requests = [request_of(sample=number) for number in range(10)]

    desk.prefetch([room.job(request) for request in requests])
    for request in requests:
        room.ask(desk, request)

    assert client.most_running == 3
    assert len(client.asked) == 10
    assert desk.spent() == Cost(tokens_in=100, tokens_out=30)


def test_what_is_waited_for_goes_first(room: Room) -> None:
    """A request that somebody waits for does not queue behind those asked ahead."""
    client = Fake(wait_s=0.1)
    desk = room.desk(client, limit=1)
    desk.prefetch([room.job(request_of(sample=number)) for number in range(50)])

    room.ask(desk, request_of(sample=49))

    assert len(client.asked) < 10


def test_asking_ahead_leaves_the_recorded_alone(room: Room) -> None:
    """Nothing is asked for what is recorded, nor by a desk that asks nobody."""
    client = Fake()
    room.recordings.store(request_of(), Reply(text="old", model=MODEL, tokens_in=1, tokens_out=1))
    desk = room.desk(client)

    desk.prefetch([room.job(request_of())])
    desk.replaying().prefetch([room.job(request_of("other"))])

    assert room.ask(desk, request_of()).text == "old"
    assert client.asked == []


def test_a_broken_recording_is_told_where_it_is_asked(room: Room) -> None:
    """A broken recording is neither asked anew ahead nor passed over."""
    client = Fake()
    room.recordings.store(request_of(), Reply(text="old", model=MODEL, tokens_in=1, tokens_out=1))
    (path,) = room.recordings.folder.iterdir()
    path.write_bytes(b"{")
    desk = room.desk(client)
    desk.prefetch([room.job(request_of())])

    with pytest.raises(ModelError, match="no JSON"):
        room.ask(desk, request_of())

    assert client.asked == []


def test_an_error_ahead_surfaces_where_it_is_asked(room: Room) -> None:
    """A failed request asked ahead disturbs nobody until somebody asks for it."""
    client = Fake(fails=Fault(kind=FaultKind.JUNK, found="junk"))
    desk = room.desk(client)
    desk.prefetch([room.job(request_of())])
    time.sleep(0.05)

    for _ in range(2):
        with pytest.raises(EndpointFault, match="junk"):
            room.ask(desk, request_of())

    assert len(client.asked) == 1


def test_a_closed_desk_leaves_nothing_behind(room: Room) -> None:
    """Closing cancels what runs and what waits, and ends the thread."""
    client = Fake(wait_s=60)
    desk = room.desk(client, limit=2)
    desk.prefetch([room.job(request_of(sample=number)) for number in range(5)])
    while len(client.asked) < 2:
        time.sleep(0.01)

    desk.close()
    desk.close()
    desk.prefetch([room.job(request_of(sample=9))])

    assert len(client.asked) == 2
    assert not [thread for thread in threading.enumerate() if thread.name == "compiledai-llm"]


def test_a_desk_that_only_replays_shares_no_purchase(room: Room) -> None:
    """The replaying twin of a live desk never asks."""
    client = Fake()
    twin = room.desk(client).replaying()

    with pytest.raises(RecordingMissing):
        room.ask(twin, request_of())

    assert not twin.live
    assert client.asked == []


def test_a_secret_in_a_request_is_refused(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """A prompt with a secret is not changed but refused, and the error does not repeat it."""
    monkeypatch.setenv("CANARY_TOKEN", "planted-4711-canary")
    client = Fake()
    desk = room.desk(client)
    request = request_of("the token is planted-4711-canary.")

    desk.prefetch([room.job(request)])
    with pytest.raises(ModelError) as caught:
        room.ask(desk, request)

    assert str(caught.value.where) == "specs/x.yaml:4"
    assert "CANARY_TOKEN" in caught.value.found
    assert "planted" not in str(caught.value)
    assert client.asked == []


def test_a_secret_in_an_answer_is_taken_out(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a run goes on with is what it stored, without the secret."""
    monkeypatch.setenv("CANARY_TOKEN", "planted-4711-canary")
    desk = room.desk(Fake(text="use planted-4711-canary"))

    reply = room.ask(desk, request_of())

    assert reply.text == "use [redacted:CANARY_TOKEN]"
    assert room.recordings.find(request_of().key) == (reply,)


def test_purchases_are_settled_in_the_ledger(room: Room) -> None:
    """What was reserved at its worst is settled at what the answer cost."""
    ledger = Ledger(room.folder / "ledger.json")
    desk = room.desk(Fake(), ledger=ledger)
    desk.open_ledger(Bounds(tokens=1_000, usd=None))

    room.ask(desk, request_of())

    assert (ledger.totals().tokens_in, ledger.totals().tokens_out) == (10, 3)


def test_nothing_is_asked_before_the_bill(room: Room) -> None:
    """A request asked ahead waits for the ledger to open."""
    ledger = Ledger(room.folder / "ledger.json")
    client = Fake()
    desk = room.desk(client, ledger=ledger)
    desk.prefetch([room.job(request_of())])
    time.sleep(0.1)
    before = len(client.asked)

    desk.open_ledger(Bounds(tokens=None, usd=None))
    room.ask(desk, request_of())

    assert (before, len(client.asked)) == (0, 1)


def test_a_bill_that_never_comes_ends_the_wait(room: Room) -> None:
    """A ledger that nobody opens is an error, and nothing was asked."""
    client = Fake()
    ledger = Ledger(room.folder / "ledger.json", opening_timeout_s=0.1)
    desk = room.desk(client, ledger=ledger)

    with pytest.raises(ModelError, match="no open ledger"):
        room.ask(desk, request_of())

    assert client.asked == []


def test_a_spent_budget_asks_nobody(room: Room) -> None:
    """A call that could exceed the bound is not made."""
    client = Fake()
    desk = room.desk(client, ledger=Ledger(room.folder / "ledger.json"))
    desk.open_ledger(Bounds(tokens=60, usd=None))

    with pytest.raises(BudgetSpent):
        room.ask(desk, request_of())

    assert client.asked == []


def test_a_call_waits_for_what_others_set_aside(room: Room) -> None:
    """Two calls of which one fits at a time are made one after the other, both."""
    client = Fake(wait_s=0.1)
    ledger = Ledger(room.folder / "ledger.json")
    desk = room.desk(client, ledger=ledger)
    worst = sum(request_of().worst(most_answer_bytes=0))
    desk.open_ledger(Bounds(tokens=worst + 13, usd=None))
    requests = [request_of(sample=number) for number in range(2)]
    desk.prefetch([room.job(request) for request in requests])

    for request in requests:
        room.ask(desk, request)

    assert client.most_running == 1
    assert ledger.totals().calls == 2


@pytest.mark.parametrize(
    ("fault", "tokens_in"),
    [
        (Fault(kind=FaultKind.BUSY, found="x"), 0),
        (Fault(kind=FaultKind.REFUSED, found="x"), 0),
        (Fault(kind=FaultKind.UNREACHED, found="x"), 0),
        (Fault(kind=FaultKind.LENGTH, found="x", paid=Size(8, 9)), 8),
        *(
            (Fault(kind=kind, found="x"), request_of().worst(most_answer_bytes=0).tokens_in)
            for kind in (FaultKind.CUT, FaultKind.HANG, FaultKind.JUNK, FaultKind.FLOOD)
        ),
    ],
)
def test_a_fault_is_settled_at_what_it_may_have_cost(
    room: Room, fault: Fault, tokens_in: int
) -> None:
    """Refusals are free, counted ones cost their count, and unknown ones their worst."""
    ledger = Ledger(room.folder / "ledger.json")
    desk = room.desk(Fake(fails=fault), ledger=ledger)
    desk.open_ledger(Bounds(tokens=None, usd=None))

    with pytest.raises(EndpointFault):
        room.ask(desk, request_of())

    assert ledger.totals().tokens_in == tokens_in
    assert desk.spent().tokens_in == (tokens_in if fault.paid else 0)


def test_a_bound_in_dollars_without_a_price_opens_nothing(room: Room) -> None:
    """A bound that cannot be kept is told before the first call."""
    ledger = Ledger(room.folder / "ledger.json")
    desk = room.desk(Fake(), ledger=ledger)

    with pytest.raises(SettingsError, match="no known price of bridge/m"):
        desk.open_ledger(Bounds(tokens=None, usd=Decimal(1)))

    assert not ledger.is_open


def test_a_missing_client_is_told_where_it_is_asked(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without LiteLLM a live request names the extra to install, and one asked ahead is quiet."""
    monkeypatch.setitem(sys.modules, "litellm", None)
    load_litellm.cache_clear()
    client: Any = LiteLLMClient(MODEL, environ={"OPENAI_API_BASE": "http://127.0.0.1:9/v1"})
    desk = room.desk(client)
    desk.prefetch([room.job(request_of())])

    with pytest.raises(ModelError, match=r"pip install 'pytest-compiledai\[llm\]'"):
        room.ask(desk, request_of())


def test_a_bridge_needs_an_endpoint() -> None:
    """A model behind a bridge without an address is told with the command that gives one."""
    with pytest.raises(SettingsError, match="OPENAI_API_BASE"):
        LiteLLMClient("bridge/m", environ={})


@pytest.mark.parametrize(
    ("model", "where"),
    [
        ("bridge/m", "bridge/m at https://host:8/v1"),
        ("openai/m", "openai/m at https://host:8/v1"),
        ("anthropic/m", "anthropic/m"),
    ],
)
def test_the_endpoint_is_shown_without_credentials(model: str, where: str) -> None:
    """Messages name model and address, and neither user, password nor query."""
    environ = {"OPENAI_API_BASE": "https://me:word@host:8/v1?key=word#word"}

    assert LiteLLMClient(model, environ=environ).where == where
    assert "word" not in shown_endpoint(environ["OPENAI_API_BASE"])


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("3", 3.0),
        ("0.5", 0.5),
        ("-4", 0.0),
        ("soon", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Wed, 21 Oct 2015 07:28:00", 0.0),
    ],
)
def test_a_retry_after_is_a_number_or_a_date(header: str | None, seconds: float | None) -> None:
    """Both forms of the header are read, and nonsense asks for no wait."""
    assert retry_after_s(header) == seconds
