"""Every planned fault of an endpoint, over real HTTP: outlived where it goes away, told where not."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import importlib.util
import json
import resource
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from typing import NamedTuple

import pytest

from pytest_compiledai.core.errors import BudgetSpent
from pytest_compiledai.core.errors import EndpointFault
from pytest_compiledai.core.errors import SettingsError
from pytest_compiledai.core.place import Place
from pytest_compiledai.llm.client import LiteLLMClient
from pytest_compiledai.llm.desk import Desk
from pytest_compiledai.llm.desk import Job
from pytest_compiledai.llm.ledger import Bounds
from pytest_compiledai.llm.ledger import Ledger
from pytest_compiledai.llm.patience import Patience
from pytest_compiledai.llm.recording import Recordings
from pytest_compiledai.llm.request import Message
from pytest_compiledai.llm.request import Reply
from pytest_compiledai.llm.request import Request
from pytest_compiledai.llm.request import estimated_size

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("litellm") is None, reason="the extra `llm` is not installed"
)

HERE = Path(__file__).parent
BRIDGE = HERE.parents[2] / "shared" / "tools" / "model_bridge.py"
ANSWER = "def answer(data):\n    return {'ok': True}\n"
MODEL = "bridge/tester"
SECRET = "planted-canary-value-91827"
REQUEST = Request(
    messages=(
        Message(role="system", content="Write one function."),
        Message(role="user", content="Answer `ok`, always."),
    ),
    parameters={"temperature": 0.0, "max_tokens": 400},
    sample=7,
)


class Endpoint(NamedTuple):
    """A running endpoint."""

    base: str

    def seen(self) -> list[dict[str, Any]]:
        """Return the requests that our own endpoint got."""
        with urllib.request.urlopen(f"{self.base}/seen", timeout=10) as answer:
            return json.load(answer)


Start = Callable[..., Endpoint]


@contextlib.contextmanager
def running(argv: list[str]) -> Iterator[subprocess.Popen[str]]:
    child = subprocess.Popen([sys.executable, *argv], stdout=subprocess.PIPE, text=True)
    try:
        yield child
    finally:
        child.kill()
        child.wait()
        assert child.stdout is not None
        child.stdout.close()


def start_own(stack: contextlib.ExitStack, faults: tuple[str, ...]) -> Endpoint:
    argv = [str(HERE / "faulty_endpoint.py"), *plan_of(faults)]
    child = stack.enter_context(running(argv))
    assert child.stdout is not None
    return Endpoint(f"http://127.0.0.1:{int(child.stdout.readline())}/v1")


def start_bridge(stack: contextlib.ExitStack, faults: tuple[str, ...], folder: Path) -> Endpoint:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # The bridge answers from files named by the digest of what its documentation lists.
    keyed = {
        "model": "tester",
        "messages": REQUEST.as_json()["messages"],
        "temperature": 0.0,
        "seed": 7,
    }
    text = json.dumps(keyed, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    answers = folder / "answers"
    answers.mkdir(parents=True)
    name = hashlib.sha256(text.encode()).hexdigest()[:16]
    (answers / f"{name}.txt").write_text(ANSWER, encoding="utf-8")
    argv = [str(BRIDGE), "--spool", str(folder), "--port", str(port), "--wait", "5"]
    stack.enter_context(running([*argv, *plan_of(faults)]))
    base = f"http://127.0.0.1:{port}/v1"
    end_s = time.monotonic() + 20
    while time.monotonic() < end_s:
        with contextlib.suppress(OSError), urllib.request.urlopen(base, timeout=1):
            return Endpoint(base)
        time.sleep(0.02)
    raise AssertionError("the bridge does not listen")


def plan_of(faults: tuple[str, ...]) -> list[str]:
    return [word for fault in faults for word in ("--fault", fault)]


@pytest.fixture
def start_ours() -> Iterator[Start]:
    """Start our own endpoint with planned faults."""
    with contextlib.ExitStack() as stack:
        yield lambda *faults: start_own(stack, faults)


@pytest.fixture(params=["ours", "bridge"])
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Start]:
    """Start an endpoint with planned faults: our own, then the bridge where it is at hand."""
    if request.param == "bridge" and not BRIDGE.exists():
        pytest.skip(f"no {BRIDGE.name} in ../shared/tools beside the checkout")
    with contextlib.ExitStack() as stack:
        yield (
            lambda *faults: (
                start_own(stack, faults)
                if request.param == "ours"
                else start_bridge(stack, faults, tmp_path / "spool")
            )
        )


class Sleeps:
    """Time that passes at once, and is remembered."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def client_of(endpoint: Endpoint, *, timeout_s: float = 20.0) -> LiteLLMClient:
    environ = {"OPENAI_API_BASE": endpoint.base, "OPENAI_API_KEY": SECRET}
    return LiteLLMClient(MODEL, timeout_s=timeout_s, environ=environ)


class Asked(NamedTuple):
    """A desk's answer and the waits before it."""

    reply: Reply
    waits: list[float]
    ledger: Ledger


def ask(
    endpoint: Endpoint, folder: Path, *, timeout_s: float = 20.0, tokens: int | None = None
) -> Asked:
    """Ask through a whole desk, as a run does."""
    sleeps = Sleeps()
    ledger = Ledger(folder / "ledger.json")
    desk = Desk(
        record="missing",
        model=MODEL,
        ledger=ledger,
        client=client_of(endpoint, timeout_s=timeout_s),
        claims=folder / "claims",
        patience=Patience(sleep=sleeps, tries=3),
    )
    desk.open_ledger(Bounds(tokens=tokens, usd=None))
    try:
        reply = desk.ask(
            REQUEST,
            recordings=Recordings(folder / "recordings"),
            where=Place(path="specs/x.yaml", line=3),
            preferred=None,
            command="pytest --compile",
        )
    finally:
        desk.close()
    return Asked(reply, sleeps.seconds, ledger)


def test_a_whole_answer_is_taken_and_recorded(start: Start, tmp_path: Path) -> None:
    """Without a fault the text comes as it was sent, and a replay gives the same."""
    asked = ask(start(), tmp_path)

    stored = Recordings(tmp_path / "recordings").find(REQUEST.key)
    assert stored == (asked.reply,)
    assert asked.reply.text == ANSWER
    assert asked.reply.seconds is None
    assert asked.waits == []


@pytest.mark.parametrize("fault", ["429", "500", "cut", "junk", "empty", "flood", "length"])
def test_a_fault_that_goes_away_is_outlived(start: Start, tmp_path: Path, fault: str) -> None:
    """One fault costs one wait, and the answer behind it is whole."""
    asked = ask(start(f"{fault}:1"), tmp_path)

    assert asked.reply.text == ANSWER
    assert len(asked.waits) == 1


def test_a_hang_is_outlived(start: Start, tmp_path: Path) -> None:
    """An endpoint that never answers is left at the deadline of the try."""
    asked = ask(start("hang:1"), tmp_path, timeout_s=1.5)

    assert asked.reply.text == ANSWER
    assert len(asked.waits) == 1


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        ("429", "HTTP 429"),
        ("500", "HTTP 500"),
        ("cut", "a body that ends early"),
        ("junk", "a body that is no chat completion"),
        ("empty", "an answer without a text"),
        ("flood", "an answer of more than 200000 bytes"),
    ],
)
def test_a_fault_that_stays_is_told(start: Start, tmp_path: Path, fault: str, found: str) -> None:
    """After the last try the error names model, endpoint, fault and what to do; never the key."""
    with pytest.raises(EndpointFault) as caught:
        ask(start(f"{fault}:9"), tmp_path)

    error = caught.value
    assert str(error.where).startswith(f"{MODEL} at http://127.0.0.1:")
    assert error.found.startswith(found)
    assert "(at the last of 3 tries)" in error.found
    assert error.next
    assert SECRET not in str(error)
    assert not (tmp_path / "recordings").exists()


def test_a_hang_that_stays_is_told(start: Start, tmp_path: Path) -> None:
    """An endpoint that never answers ends in an error, not in a wait without end."""
    with pytest.raises(EndpointFault, match=r"no answer after 0\.3 s"):
        ask(start("hang:9"), tmp_path, timeout_s=0.3)


def test_an_answer_cut_at_max_tokens_is_tried_twice(start: Start, tmp_path: Path) -> None:
    """The same request cut twice needs a larger bound, and the error says so."""
    with pytest.raises(EndpointFault, match=r"cut at max_tokens .* 2 tries.*raise max_tokens"):
        ask(start("length:9"), tmp_path)


def test_false_usage_is_replaced_by_an_estimate(start: Start, tmp_path: Path) -> None:
    """Token counts that cannot be true are counted by size, marked, and settled so."""
    asked = ask(start("usage:1"), tmp_path)

    size = estimated_size(REQUEST, ANSWER)
    assert asked.reply.usage == "estimated"
    assert (asked.reply.tokens_in, asked.reply.tokens_out) == size
    assert asked.ledger.totals().tokens_out == size.tokens_out


def test_plausible_usage_is_believed(start_ours: Start, tmp_path: Path) -> None:
    """Token counts that can be true are the endpoint's own."""
    reply = ask(start_ours(), tmp_path).reply

    assert (reply.tokens_in, reply.tokens_out, reply.usage) == (11, 17, "reported")


def test_retry_after_is_the_least_that_is_waited(start: Start, tmp_path: Path) -> None:
    """An endpoint that asks to wait a second is not asked again before."""
    asked = ask(start("429:2"), tmp_path)

    assert len(asked.waits) == 2
    assert min(asked.waits) >= 1.0


def test_a_retry_after_beyond_the_deadline_ends_at_once(start_ours: Start, tmp_path: Path) -> None:
    """An endpoint that asks to wait a day is told to the user instead of waited for."""
    with pytest.raises(EndpointFault, match=r"asks to wait 86400 s \(at the only try\)"):
        ask(start_ours("wait:1"), tmp_path)


@pytest.mark.parametrize("fault", ["flood", "drip"])
def test_a_flood_does_not_fill_memory(start_ours: Start, tmp_path: Path, fault: str) -> None:
    """Of fifty megabytes, announced or not, only what an answer may have is read."""
    ask(start_ours(), tmp_path / "warm")
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    asked = ask(start_ours(f"{fault}:1"), tmp_path / "flood")

    after_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert asked.reply.text == ANSWER
    assert after_kb - before_kb < 20_000


@pytest.mark.parametrize("fault", ["big", "gzip", "lone", "none", "reset"])
def test_other_broken_answers_are_outlived(start_ours: Start, tmp_path: Path, fault: str) -> None:
    """Oversized, compressed, half-paired and missing texts and a closed connection cost one wait each."""
    asked = ask(start_ours(f"{fault}:1"), tmp_path)

    assert asked.reply.text == ANSWER
    assert len(asked.waits) == 1


@pytest.mark.parametrize(
    ("fault", "following"),
    [("401", "API key"), ("404", "model's name"), ("redirect", "look at the endpoint")],
)
def test_a_refusal_is_not_tried_again(
    start_ours: Start, tmp_path: Path, fault: str, following: str
) -> None:
    """What the endpoint refuses, or sends elsewhere, is asked once, and told with what to mend."""
    endpoint = start_ours(f"{fault}:9")

    with pytest.raises(EndpointFault, match="at the only try") as caught:
        ask(endpoint, tmp_path)

    assert following in caught.value.next

    assert len(endpoint.seen()) == 1


def test_no_endpoint_at_all_is_told(tmp_path: Path) -> None:
    """A port on which nobody listens ends in an error with the address, without its password."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    with pytest.raises(EndpointFault) as caught:
        ask(Endpoint(f"http://user:hidden-word@127.0.0.1:{port}/v1?key=hidden"), tmp_path)

    assert f"http://127.0.0.1:{port}/v1" in str(caught.value.where)
    assert "hidden" not in str(caught.value)


def test_the_sample_is_sent_as_the_seed(start_ours: Start, tmp_path: Path) -> None:
    """The wire carries the messages, the parameters and the sample number, and the bare model."""
    endpoint = start_ours()

    ask(endpoint, tmp_path)

    (seen,) = endpoint.seen()
    assert seen["path"] == "/v1/chat/completions"
    assert seen["body"] == {
        "model": "tester",
        "messages": REQUEST.as_json()["messages"],
        "temperature": 0.0,
        "max_tokens": 400,
        "seed": 7,
    }
    assert seen["headers"]["Authorization"] == f"Bearer {SECRET}"


def test_the_key_is_written_nowhere(start_ours: Start, tmp_path: Path) -> None:
    """The key that opened the endpoint is in no file that a live run leaves."""
    ask(start_ours("500:1"), tmp_path)

    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) >= 2
    assert not any(SECRET.encode() in data for data in files)


def test_a_secret_in_an_answer_is_taken_out(start_ours: Start, tmp_path: Path) -> None:
    """What a run goes on with, and what it records, holds no key that a model made up or knew."""
    reply = ask(start_ours("secret:1"), tmp_path).reply

    assert reply.text == "the key is [redacted:AWS key]"
    assert Recordings(tmp_path / "recordings").find(REQUEST.key) == (reply,)


def test_a_bound_stops_the_tries(start_ours: Start, tmp_path: Path) -> None:
    """A try whose answer may have been paid counts, and the next one no longer fits."""
    worst = REQUEST.worst(most_answer_bytes=200_000)
    tokens = worst.tokens_in + worst.tokens_out
    endpoint = start_ours("cut:9")

    with pytest.raises(BudgetSpent):
        ask(endpoint, tmp_path, tokens=tokens)

    assert len(endpoint.seen()) == 1


def test_a_busy_endpoint_costs_nothing(start_ours: Start, tmp_path: Path) -> None:
    """A try refused with 429 or 500 gives its reservation back."""
    worst = REQUEST.worst(most_answer_bytes=200_000)

    asked = ask(start_ours("429:1", "500:1"), tmp_path, tokens=worst.tokens_in + worst.tokens_out)

    assert asked.ledger.totals().calls == 1
    assert asked.ledger.totals().usd is None


def test_a_bound_in_dollars_needs_a_price(tmp_path: Path) -> None:
    """A model behind an endpoint of one's own has no price, so a bound in dollars is an error."""
    desk = Desk(
        record="missing",
        model=MODEL,
        ledger=Ledger(tmp_path / "ledger.json"),
        client=client_of(Endpoint("http://127.0.0.1:9/v1")),
        claims=tmp_path / "claims",
    )

    with pytest.raises(SettingsError, match="no known price"):
        desk.open_ledger(Bounds(tokens=None, usd=Decimal(1)))


def test_requests_asked_ahead_are_asked_once(start_ours: Start, tmp_path: Path) -> None:
    """Two desks that ask ahead for the same requests, as two workers do, buy each once."""
    endpoint = start_ours()
    recordings = Recordings(tmp_path / "recordings")
    requests = [
        Request(messages=REQUEST.messages, parameters=REQUEST.parameters, sample=number)
        for number in range(6)
    ]
    ledger = Ledger(tmp_path / "ledger.json")
    desks = [
        Desk(
            record="all",
            model=MODEL,
            ledger=ledger,
            client=client_of(endpoint),
            claims=tmp_path / "claims",
        )
        for _ in range(2)
    ]
    for desk in desks:
        desk.prefetch([Job(request=request, recordings=recordings) for request in requests])
    desks[0].open_ledger(Bounds(tokens=None, usd=None))

    try:
        for desk in desks:
            for request in requests:
                desk.ask(
                    request,
                    recordings=recordings,
                    where=Place(path="specs/x.yaml"),
                    preferred=None,
                    command="",
                )
        spent = desks[0].spent() + desks[1].spent()
    finally:
        for desk in desks:
            desk.close()

    assert sorted(seen["body"]["seed"] for seen in endpoint.seen()) == list(range(6))
    assert spent.tokens_in == 6 * 11
    assert ledger.totals().calls == 6


def test_closing_cancels_what_hangs(start_ours: Start, tmp_path: Path) -> None:
    """A desk that is closed while an endpoint hangs ends at once, and its thread with it."""
    import threading

    endpoint = start_ours("hang:9")
    desk = Desk(
        record="missing",
        model=MODEL,
        ledger=None,
        client=client_of(endpoint),
        claims=tmp_path / "claims",
    )
    desk.prefetch([Job(request=REQUEST, recordings=Recordings(tmp_path / "recordings"))])
    end_s = time.monotonic() + 20
    while not endpoint.seen() and time.monotonic() < end_s:
        time.sleep(0.02)
    began_s = time.monotonic()

    desk.close()

    assert time.monotonic() - began_s < 5
    assert not [thread for thread in threading.enumerate() if thread.name == "compiledai-llm"]


@pytest.mark.parametrize("model", ["anthropic/a-x", "groq/g-x"])
def test_other_providers_are_bounded_on_the_wire(
    start_ours: Start, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    """A provider with code of its own goes through our bounded client too."""
    from pytest_compiledai.llm.fault import Fault
    from pytest_compiledai.llm.fault import FaultKind

    provider = model.partition("/")[0].upper()
    monkeypatch.setenv(f"{provider}_API_KEY", SECRET)
    monkeypatch.setenv(f"{provider}_API_BASE", start_ours("drip:1").base)
    client = LiteLLMClient(model, timeout_s=20.0, environ={})

    with pytest.raises(Fault) as caught:
        asyncio.run(client.ask(REQUEST))

    assert caught.value.kind is FaultKind.FLOOD


def test_other_providers_send_once_in_an_exchange(
    start_ours: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that breaks is not tried again below us, where nothing is counted."""
    from pytest_compiledai.llm.fault import Fault
    from pytest_compiledai.llm.fault import FaultKind

    endpoint = start_ours("reset:9")
    monkeypatch.setenv("GROQ_API_KEY", SECRET)
    monkeypatch.setenv("GROQ_API_BASE", endpoint.base)
    client = LiteLLMClient("groq/g-x", timeout_s=20.0, environ={})

    with pytest.raises(Fault) as caught:
        asyncio.run(client.ask(REQUEST))

    assert caught.value.kind is FaultKind.UNREACHED
    assert len(endpoint.seen()) == 1


def test_an_unknown_provider_is_refused_before_anything_is_sent() -> None:
    """A model name that LiteLLM cannot place is final at once."""
    from pytest_compiledai.llm.fault import Fault
    from pytest_compiledai.llm.fault import FaultKind

    client = LiteLLMClient("nowhere/none", environ={})

    with pytest.raises(Fault, match="nowhere") as caught:
        asyncio.run(client.ask(REQUEST))

    assert caught.value.kind is FaultKind.REFUSED
