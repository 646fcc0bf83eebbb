"""Batches, deaths, conditions, capabilities and fresh processes of the native sandbox."""

from __future__ import annotations

import contextlib
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pytest_compiledai.core.calls import Answer
from pytest_compiledai.core.calls import Conditions
from pytest_compiledai.core.calls import Limits
from pytest_compiledai.core.calls import Program
from pytest_compiledai.core.calls import Status
from pytest_compiledai.core.errors import SandboxError
from pytest_compiledai.sandbox.native import NativeSandbox
from pytest_compiledai.sandbox.order import Order

SHORT = Limits(call_s=0.1, cpu_s=10, memory_mb=128)


def program(source: str, **facts) -> Program:
    return Program(source=source.encode(), function="f", **facts)


def descriptors() -> list[str]:
    # Sorted names; the one that reads the folder is gone again and counts in both.
    return sorted(path.name for path in Path("/proc/self/fd").iterdir())


def values(answers) -> list:
    assert [answer.status for answer in answers] == [Status.VALUE] * len(answers), answers
    return [json.loads(answer.value) for answer in answers]


def test_batch_keeps_the_order_of_its_inputs(sandbox) -> None:
    """A batch of several chunks answers each input at its place."""
    inputs = [str(number).encode() for number in range(2000)]

    with sandbox.open(program("def f(data): return data + 1")) as session:
        found = values(session.call(inputs))

    assert found == list(range(1, 2001))


def test_empty_batch_has_no_answers(sandbox) -> None:
    """No input gives no answer."""
    with sandbox.open(program("def f(data): return data")) as session:
        assert session.call([]) == []


def test_large_inputs_and_answers_pass(sandbox) -> None:
    """Inputs and answers far above the size of a pipe come through in one batch."""
    data = json.dumps("x" * 900_000).encode()

    with sandbox.open(program("def f(data): return data")) as session:
        found = session.call([data] * 5)

    assert found == [Answer(status=Status.VALUE, value=data)] * 5


def test_each_call_has_its_own_input(sandbox) -> None:
    """What a call changes in its input is not seen by another call."""
    source = "def f(data):\n    data['n'] += 1\n    return data"

    with sandbox.open(program(source)) as session:
        assert values(session.call([b'{"n":1}'] * 3)) == [{"n": 2}] * 3


def test_abstain_gives_its_reason(sandbox) -> None:
    """Raising Abstain is an ending of its own."""
    with sandbox.open(program("def f(data): raise Abstain('not\\nmine')")) as session:
        expected = [Answer(status=Status.ABSTAIN, detail="not mine")]
        assert session.call([b"1"]) == expected


def test_error_says_type_and_message_on_one_line(sandbox) -> None:
    """An exception becomes one capped line."""
    source = "def f(data): raise ValueError('a\\n\\tb' + 'c' * 999)"

    with sandbox.open(program(source)) as session:
        answer = session.call([b"1"])[0]

    assert answer.detail.startswith("ValueError: a bccc")
    assert len(answer.detail) <= 300


@pytest.mark.parametrize(
    ("act", "status"),
    [
        ("sys.modules['posix'].fork()", Status.VIOLATION),
        ("sys.modules['posix']._exit(3)", Status.CRASH),
        ("[0] * 10**9", Status.MEMORY),
        ("[None for _ in iter(int, 1)]", Status.TIMEOUT),
        ("sys.modules['posix'].write(4, b'x' * 64)", Status.CRASH),
    ],
)
def test_death_is_of_one_call_only(sandbox, act, status) -> None:
    """The call that kills the worker gets its own answer; the others are answered."""
    source = f"import sys\ndef f(data): return {act} if data == 3 else data"
    limits = Limits(call_s=0.1, memory_mb=2048) if status is Status.TIMEOUT else Limits()

    with sandbox.open(program(source), limits=limits) as session:
        found = session.call([str(number).encode() for number in range(8)])

    assert found[3].status is status
    assert values(found[:3] + found[4:]) == [0, 1, 2, 4, 5, 6, 7]


def test_too_many_deaths_end_the_batch(sandbox) -> None:
    """After five deaths the rest is not called, and says so."""
    source = "import sys\ndef f(data): sys.modules['posix'].fork()"

    with sandbox.open(program(source)) as session:
        found = session.call([b"1"] * 50)

    assert {answer.status for answer in found} == {Status.VIOLATION}
    assert [answer.detail.startswith("not called: 5 workers died") for answer in found] == (
        [False] * 5 + [True] * 45
    )


def test_fresh_calls_stop_after_too_many_deaths(sandbox) -> None:
    """Fresh calls are bounded in the same way."""
    found = sandbox.call_fresh(
        program("def f(data):\n    while True: pass"), [b"1"] * 40, limits=SHORT
    )

    assert {answer.status for answer in found} == {Status.TIMEOUT}
    assert found[-1].detail.startswith("not called")


def test_innocent_call_is_asked_again_when_the_cpu_was_spent_before_it(sandbox) -> None:
    """Calls that together exceed the worker's CPU seconds are all answered."""
    source = "def f(data):\n    for _ in range(4_000_000): pass\n    return data"
    limits = Limits(call_s=20.0, cpu_s=1)

    with sandbox.open(program(source), limits=limits) as session:
        found = values(session.call([str(number).encode() for number in range(25)]))

    assert found == list(range(25))


@pytest.mark.parametrize(
    ("source", "status", "detail"),
    [
        ("def f(:", Status.ERROR, "while loading: SyntaxError: "),
        ("1 / 0", Status.ERROR, "while loading: ZeroDivisionError: "),
        ("import os", Status.ERROR, "while loading: ImportError: module 'os'"),
        ("def g(data): return 1", Status.ERROR, "while loading: NameError: "),
        ("raise SystemExit", Status.ERROR, "while loading: SystemExit"),
        ("raise Abstain('all')", Status.ERROR, "while loading: all"),
        ("import sys\nsys.modules['posix'].fork()", Status.VIOLATION, "while loading: "),
        ("import sys\nsys.modules['posix']._exit(0)", Status.CRASH, "while loading: exited"),
        ("x = [0] * 10**9", Status.MEMORY, "while loading: MemoryError"),
        ("import sys\nsys.modules['posix'].write(4, b'y' * 99)", Status.CRASH, "while loading: "),
        ("\x00", Status.ERROR, "while loading: "),
    ],
)
def test_program_that_does_not_load_answers_every_call(sandbox, source, status, detail) -> None:
    """The failure to load is the answer to each input, without an exception."""
    with sandbox.open(program(source)) as session:
        found = session.call([b"1", b"2"])

    assert [answer.status for answer in found] == [status] * 2
    assert found[0].detail.startswith(detail)
    assert found == sandbox.call_fresh(program(source), [b"1", b"2"])


def test_language_features_that_look_up_their_module_work(sandbox) -> None:
    """Dataclasses, enums, TypedDicts and named tuples may be defined in a program."""
    source = """
from __future__ import annotations
import enum
from dataclasses import dataclass, field
from typing import NamedTuple, TypedDict, get_type_hints
class Out(TypedDict):
    n: int
@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    n: int
    tags: list[str] = field(default_factory=list)
class Colour(enum.StrEnum):
    RED = "red"
class Pair(NamedTuple):
    a: int
    b: int
def f(data: int) -> Out:
    return {"n": Row(n=data).n + Pair(1, 2).b, "c": Colour.RED.value,
            "h": sorted(get_type_hints(Row)), "m": __name__}
"""
    with sandbox.open(program(source)) as session:
        assert values(session.call([b"1"])) == [
            {"n": 3, "c": "red", "h": ["n", "tags"], "m": "compiled.f"}
        ]


def test_late_imports_of_the_interpreter_work(sandbox) -> None:
    """Functions that import behind the scenes work, although no file can be read."""
    source = """
from copy import deepcopy
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo
def f(data):
    when = datetime.strptime(data, "%d %B %Y %H:%M").replace(tzinfo=ZoneInfo("Europe/Berlin"))
    return [when.isoformat(), date(2024, 2, 29).strftime("%A %j"), int("9" * 4000) % 97,
            f"{Decimal('1234.5'):,.2f}", deepcopy([1]), "b\\u00fccher".encode("idna").decode()]
"""
    with sandbox.open(program(source)) as session:
        found = values(session.call([b'"29 February 2024 12:30"']))[0]

    expected = ["2024-02-29T12:30:00+01:00", "Thursday 060", int("9" * 4000) % 97]
    assert found == [*expected, "1,234.50", [1], "xn--bcher-kva"]


def test_function_named_like_a_module_does_not_replace_it(sandbox) -> None:
    """A function called calendar can still import the module of that name."""
    source = b"import calendar as c\ndef calendar(data): return c.monthrange(2024, 2)[1]"

    with sandbox.open(Program(source=source, function="calendar")) as session:
        assert values(session.call([b"1"])) == [29]


def test_granted_module_may_be_imported(sandbox) -> None:
    """A module beyond the list is importable where it is granted, and only there."""
    source = "import wave\ndef f(data): return wave.__name__"

    with sandbox.open(program(source, modules=("wave",))) as session:
        assert values(session.call([b"1"])) == ["wave"]
    with sandbox.open(program(source)) as session:
        assert session.call([b"1"])[0].status is Status.ERROR


@pytest.mark.parametrize(
    ("module", "body"),
    [
        ("email.message", "EmailMessage().as_string()"),
        ("email", "message_from_string('a: b').get('a')"),
        ("xml.etree.ElementTree", "fromstring('<a><b/></a>').find('b').tag"),
        ("codecs", "encode('abc', 'rot13')"),
        ("codecs", "decode(b'\\x93\\xfa', 'shift_jis')"),
    ],
)
def test_what_a_module_loads_late_is_there(sandbox, module, body) -> None:
    """Nothing can be loaded behind the wall, so it is loaded before."""
    source = f"from {module} import *\ndef f(data): return {body}"

    with sandbox.open(program(source, modules=(module,))) as session:
        (answer,) = session.call([b"1"])

    assert answer.status is Status.VALUE, answer.detail


@pytest.mark.parametrize(
    "facts", [{"modules": ("numpy",)}, {"capabilities": {"net": {"kind": "socket"}}}]
)
def test_unknown_grant_is_refused(sandbox, facts) -> None:
    """A grant that this sandbox cannot make is an error of the asker, not of the program."""
    with pytest.raises(SandboxError):
        sandbox.open(program("def f(data): return 1", **facts))


def test_capabilities_are_the_same_at_every_call(sandbox) -> None:
    """Clock, random and recorded calls come as keyword arguments and start anew each time."""
    source = """
def f(data, *, now, dice, rates):
    first = rates({"to": "EUR", "from": "USD"})
    first["rate"] = 0
    again = rates({"from": "USD", "to": "EUR"})
    return [str(now()), str(now()), dice.randint(1, 10**6), again]
"""
    table = {'{"from":"USD","to":"EUR"}': {"rate": 0.5}}
    capabilities = {
        "now": {"kind": "clock"},
        "dice": {"kind": "random"},
        "rates": {"kind": "call", "table": table},
    }
    with sandbox.open(program(source, capabilities=capabilities)) as session:
        first, second = values(session.call([b"1", b"2"]))

    assert first == second
    assert first[:2] == ["2026-01-01 00:00:00+00:00", "2026-01-01 00:00:01+00:00"]
    assert first[3] == {"rate": 0.5}


def test_call_that_was_not_recorded_is_an_error(sandbox) -> None:
    """A payload without a recorded answer raises in the program."""
    capabilities = {"ask": {"kind": "call", "table": {}}}
    source = "def f(data, *, ask): return ask(data)"

    with sandbox.open(program(source, capabilities=capabilities)) as session:
        assert "KeyError: 'no recorded answer for 7'" in session.call([b"7"])[0].detail


def test_files_are_handed_in_as_bytes(sandbox) -> None:
    """A data file is found in FILES by its name."""
    made = program("def f(data): return FILES[data].decode()", files={"a.txt": b"\xc3\xbc"})

    with sandbox.open(made) as session:
        assert values(session.call([b'"a.txt"'])) == ["\u00fc"]


def test_hash_seed_changes_the_order_of_a_set(sandbox) -> None:
    """The same seed repeats the order of a set, another one shows another order."""
    made = program("def f(data): return list({w for w in data})")
    data = json.dumps([f"w{n}" for n in range(40)]).encode()

    orders = [
        sandbox.call_fresh(made, [data], conditions=Conditions(hash_seed=seed))[0]
        for seed in (1, 2, 1)
    ]

    assert orders[0].status is Status.VALUE
    assert orders[0] != orders[1]
    assert orders[0] == orders[2]


def test_time_zone_changes_local_time(sandbox) -> None:
    """The worker lives in the time zone of its conditions."""
    made = program(
        "from datetime import datetime\ndef f(data): return datetime.fromtimestamp(0).isoformat()"
    )

    found = sandbox.call_fresh(made, [b"1"], conditions=Conditions(timezone="Asia/Tokyo"))

    assert values(found) == ["1970-01-01T09:00:00"]


def test_unknown_locale_falls_back(sandbox) -> None:
    """A locale that the system lacks does not keep the worker from starting."""
    made = program("def f(data): return 1")

    found = sandbox.call_fresh(made, [b"1"], conditions=Conditions(locale="xx_YY.UTF-8"))

    assert values(found) == [1]


def test_state_is_shared_in_a_session_and_not_in_fresh_calls(sandbox) -> None:
    """Fresh calls reveal a program that remembers earlier calls."""
    made = program("n = [0]\ndef f(data):\n    n[0] += 1\n    return n[0]")

    with sandbox.open(made) as session:
        together = values(session.call([b"1"] * 3))

    assert together == [1, 2, 3]
    assert values(sandbox.call_fresh(made, [b"1"] * 3)) == [1, 1, 1]


def test_printing_a_little_is_allowed_at_every_call(sandbox) -> None:
    """The cap on output is for one call, so a batch may print more in all."""
    made = program("def f(data):\n    print('x' * 60_000)\n    return 1")

    with sandbox.open(made) as session:
        assert values(session.call([b"1"] * 5)) == [1] * 5


def test_sessions_run_side_by_side_from_threads(sandbox) -> None:
    """Several threads with sessions of their own get their own answers."""

    def work(number: int) -> list:
        with sandbox.open(program(f"def f(data): return data * {number}")) as session:
            return [values(session.call([b"7"]))[0] for _ in range(20)]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(work, range(8)))

    assert found == [[7 * number] * 20 for number in range(8)]


def test_closed_session_refuses(sandbox) -> None:
    """A closed session starts no worker again."""
    session = sandbox.open(program("def f(data): return 1"))
    session.close()
    session.close()

    with pytest.raises(SandboxError):
        session.call([b"1"])


def test_interrupted_batch_does_not_answer_the_next_one(sandbox) -> None:
    """Answers that were on their way when the asker was interrupted are never mixed up."""
    source = "def f(data):\n    for _ in range(3_000_000 * (data == 0)): pass\n    return data"
    with sandbox.open(program(source)) as session:
        worker = session._worker
        calls = [0]
        frame = worker.frame

        def interrupted(deadline):
            calls[0] += 1
            if calls[0] == 2:
                raise KeyboardInterrupt
            return frame(deadline)

        worker.frame = interrupted
        with pytest.raises(KeyboardInterrupt):
            session.call([b"1", b"2", b"3"])

        assert values(session.call([b"4", b"5"])) == [4, 5]


def test_seconds_grow_with_waiting() -> None:
    """The time spent waiting is counted once, whatever runs inside."""
    own = NativeSandbox()
    start = time.monotonic()
    own.call_fresh(program("def f(data): return 1"), [b"1"] * 3)
    passed = time.monotonic() - start
    own.close()

    assert 0 < own.seconds() <= passed


def test_closed_sandbox_starts_anew() -> None:
    """Closing ends the processes; a later call finds new ones."""
    own = NativeSandbox()
    made = program("def f(data): return 1")
    own.call_fresh(made, [b"1"])
    own.close()

    assert values(own.call_fresh(made, [b"1"])) == [1]
    own.close()


def test_no_descriptor_is_left_open() -> None:
    """Sessions, deaths and closing give every descriptor back."""
    before = descriptors()
    own = NativeSandbox()
    with own.open(program("import sys\ndef f(data): sys.modules['posix'].fork()")) as session:
        session.call([b"1"] * 3)
    own.call_fresh(program("1/0"), [b"1"] * 3)
    own.close()

    assert descriptors() == before


def test_wall_says_what_holds_the_worker(sandbox) -> None:
    """The sandbox tells in words which locks the last worker had."""
    sandbox.open(program("def f(data): return 1")).close()

    assert sandbox.wall.startswith("seccomp, ")
    assert "landlock" in sandbox.wall


def test_interrupted_request_ends_the_zygote_and_the_next_call_finds_another(monkeypatch) -> None:
    """An interrupt between a request and its answer never mixes up the answers."""
    own = NativeSandbox()
    made = program("def f(data): return data")
    session = own.open(made)
    zygote = next(iter(own._zygotes.values()))
    channel = zygote._channel

    class Interrupted:
        def __getattr__(self, name):
            return getattr(channel, name)

        def recv(self, size):
            raise KeyboardInterrupt

    zygote._channel = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        own.open(made)
    session.close()

    assert not zygote.is_alive
    assert values(own.call_fresh(made, [b"5"])) == [5]
    own.close()


def test_killed_zygote_is_replaced() -> None:
    """A session whose zygote was killed starts again under a new one, at the next call at last."""
    own = NativeSandbox()
    with own.open(program("def f(data): return data")) as session:
        zygote = next(iter(own._zygotes.values()))
        zygote._process.kill()
        zygote._process.wait()
        with contextlib.suppress(SandboxError):  # its worker may be seen while it dies
            session.call([b"0"])

        assert values(session.call([b"1"])) == [1]
    own.close()


#: Finds the nonce of its own load in the worker's frames and sends a second code, of a program
#: that would answer otherwise, before it is told to be loaded.
FORGER = """
import sys
frame = sys._getframe()
while "nonce" not in frame.f_locals or "order" not in frame.f_locals:
    frame = frame.f_back
stolen = sys.modules["marshal"].dumps(
    sys.modules["builtins"].compile("def f(data): return 'forged'", "<f>", "exec"))
sys.modules["inside.worker"]._sender()(20, frame.f_locals["nonce"], stolen)
def f(data):
    return "honest"
"""


def test_program_is_compiled_once() -> None:
    """Later workers get the code that the first one compiled, and the source no more."""
    own = NativeSandbox()
    made = program("def f(data): return data + 1")
    with own.open(made) as session:
        first = values(session.call([b"1"]))
    order, keep = Order(made, Limits(), own._codes).body()

    assert keep is None
    assert json.loads(order)["source"] == ""
    assert first == values(own.call_fresh(made, [b"1"])) == [2]
    own.close()


def test_program_cannot_exchange_its_code() -> None:
    """Code that is sent once the program runs is not taken: later workers load what was judged."""
    own = NativeSandbox()
    made = program(FORGER)
    with own.open(made) as session:
        loaded = session.call([b"0"])[0]
    again = own.call_fresh(made, [b"0"])[0]

    assert (loaded.status, again.status) == (Status.CRASH, Status.CRASH), (loaded, again)
    assert "kind 20" in loaded.detail
    own.close()


def test_code_above_the_cap_of_answers_is_compiled_again() -> None:
    """A program too large for one frame is compiled by each worker and answers as any other."""
    own = NativeSandbox()
    made = program("def f(data): return data + 1")
    limits = Limits(answer_bytes=64)
    with own.open(made, limits=limits) as session:
        first = values(session.call([b"1"]))

    assert own._codes.of(made) == b""
    assert first == values(own.call_fresh(made, [b"1"], limits=limits)) == [2]
    own.close()
