"""The pure parts of the sandbox: frames, answers, the filter, lists that were reviewed."""

from __future__ import annotations

import hashlib
import signal
import struct
import tomllib
from pathlib import Path

import pytest

from pytest_compiledai.core.calls import Status
from pytest_compiledai.sandbox import answers
from pytest_compiledai.sandbox.inside import capability
from pytest_compiledai.sandbox.inside import syscalls
from pytest_compiledai.sandbox.inside.frames import Frame
from pytest_compiledai.sandbox.inside.frames import Kind
from pytest_compiledai.sandbox.inside.frames import Reader
from pytest_compiledai.sandbox.inside.frames import pack
from pytest_compiledai.sandbox.inside.modules import ALLOWED
from pytest_compiledai.sandbox.inside.plain import NotPlainError
from pytest_compiledai.sandbox.inside.plain import TooLargeError
from pytest_compiledai.sandbox.inside.plain import encoder
from pytest_compiledai.sandbox.inside.seccomp import MACHINES
from pytest_compiledai.sandbox.inside.seccomp import filter_bytes
from pytest_compiledai.sandbox.order import CAPABILITY_KINDS
from pytest_compiledai.sandbox.zygote import Death

ROOT = Path(__file__).parents[3]
NONCE = b"n" * 16
KILL, ALLOW, EPERM = 0x80000000, 0x7FFF0000, 0x00050001


def verdict(machine: str, number: int, *, arch: int | None = None, third: int = 0) -> int:
    """Run the filter as the kernel does and return its answer."""
    code = filter_bytes(MACHINES[machine])
    steps = [struct.unpack_from("=HBBI", code, at) for at in range(0, len(code), 8)]
    data = {0: number, 4: MACHINES[machine].audit if arch is None else arch, 32: third}
    at = accumulator = 0
    while True:
        operation, yes, no, operand = steps[at]
        at += 1
        if operation == 0x06:
            return operand
        if operation == 0x20:
            accumulator = data[operand]
            continue
        holds = {
            0x15: accumulator == operand,
            0x35: accumulator >= operand,
            0x45: bool(accumulator & operand),
        }[operation]
        at += yes if holds else no


def test_system_call_list_is_the_reviewed_one() -> None:
    """A change of the allow-list changes this digest, and is to be reviewed line by line."""
    text = repr((syscalls.ALLOWED, syscalls.WITHOUT_EXEC, syscalls.REFUSED))

    assert len(syscalls.ALLOWED) == 36
    assert len(syscalls.REFUSED) == 22
    assert (
        hashlib.sha256(text.encode()).hexdigest()
        == "cfbe428b63550b6f38be567cd581bc51ea34f5b90c768c544f9b1ebcec972536"
    )


@pytest.mark.parametrize("machine", MACHINES)
def test_filter_answers_every_number_as_listed(machine) -> None:
    """Each listed call has its answer; every other number kills."""
    expected = {getattr(call, machine): ALLOW for call in syscalls.ALLOWED}
    expected |= {getattr(call, machine): EPERM for call in syscalls.REFUSED}
    expected |= {getattr(call, machine): ALLOW for call in syscalls.WITHOUT_EXEC}

    assert [verdict(machine, n) for n in range(600)] == [expected.get(n, KILL) for n in range(600)]


@pytest.mark.parametrize("machine", MACHINES)
def test_filter_refuses_executable_memory(machine) -> None:
    """Memory that is both mapped and executable kills."""
    for call in syscalls.WITHOUT_EXEC:
        assert verdict(machine, getattr(call, machine), third=3) == ALLOW
        assert verdict(machine, getattr(call, machine), third=7) == KILL


def test_filter_kills_other_calling_conventions() -> None:
    """A call of another architecture, and an x32 call, are killed whatever their number."""
    assert verdict("x86_64", 0, arch=0x40000003) == KILL
    assert verdict("aarch64", 63, arch=0xC000003E) == KILL
    assert verdict("x86_64", 0x40000000) == KILL


def test_modules_are_those_of_the_security_policy() -> None:
    """Whatever the policy lets generated code import is loaded in the worker."""
    policy = tomllib.loads((ROOT / "gates/security/imports.toml").read_text(encoding="utf-8"))

    assert set(policy["allow"]) - set(ALLOWED) == set()


def test_capability_kinds_are_the_same_on_both_sides() -> None:
    """The asking side knows the kinds that the worker can make."""
    assert sorted(capability.KINDS) == sorted(CAPABILITY_KINDS)


def test_frames_are_cut_from_any_pieces() -> None:
    """A stream cut at every byte gives the frames that went in."""
    frames = [Frame(NONCE, 3, b""), Frame(NONCE, 200, b"body"), Frame(bytes(16), 0, b"x" * 99)]
    stream = b"".join(pack(frame.kind, frame.nonce, frame.body) for frame in frames)
    reader, found = Reader(cap=99), []

    for byte in stream:
        reader.feed(bytes([byte]))
        while (frame := reader.next()) is not None:
            found.append(frame)

    assert found == frames


def test_frame_above_the_cap_is_refused_before_it_is_read() -> None:
    """The head alone is enough to refuse a body that is too large."""
    reader = Reader(cap=10)
    reader.feed(pack(1, NONCE, b"x" * 11)[:21])

    with pytest.raises(ValueError, match="above the cap"):
        reader.next()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nul",
        b"NaN",
        b"1e999",
        b'{"b":1,"a":2}',
        b'{"a":1,"a":1}',
        b" 1",
        b"1.50",
        b'"\xc3\xbc"',
        b"\xff",
        b"[" * 65 + b"]" * 65,
        b"[" * 50_000,
        b"9" * 5000,
        b"[1,2]" * 30,
    ],
)
def test_forged_values_are_no_values(body) -> None:
    """Whatever is not canonical JSON of plain data within the cap is refused."""
    with pytest.raises(ValueError):
        answers.answer_of(Frame(NONCE, Kind.VALUE, body), cap=100_000)


def test_value_above_the_cap_is_refused() -> None:
    """The asking side does not rely on the worker's own cap."""
    with pytest.raises(ValueError, match="above the cap"):
        answers.answer_of(Frame(NONCE, Kind.VALUE, b"123"), cap=2)


@pytest.mark.parametrize("kind", [0, 1, 2, Kind.LOCKED, Kind.LOADED, Kind.DONE, 38, 255])
def test_unknown_kinds_are_no_answers(kind) -> None:
    """A worker cannot claim a status that only the asking side may give."""
    with pytest.raises(ValueError, match="kind"):
        answers.answer_of(Frame(NONCE, kind, b""), cap=10)


def test_details_are_one_printable_line() -> None:
    """Control characters and overlong text from a worker do not reach a terminal."""
    detail = answers.line(b"a\x1b[31m\n::error::\r\n\xff" + b"x" * 5000)

    assert detail.isprintable()
    assert len(detail) == 300


@pytest.mark.parametrize(
    ("code", "killed", "cpu_s", "status"),
    [
        (-signal.SIGSYS, False, 0.0, Status.VIOLATION),
        (-signal.SIGXCPU, False, 3.0, Status.TIMEOUT),
        (-signal.SIGKILL, False, 3.1, Status.TIMEOUT),
        (-signal.SIGKILL, False, 0.1, Status.MEMORY),
        (-signal.SIGKILL, True, 3.1, Status.CRASH),
        (-signal.SIGSEGV, False, 0.1, Status.CRASH),
        (-60, False, 0.1, Status.CRASH),
        (0, False, 0.1, Status.CRASH),
        (1, False, 0.1, Status.CRASH),
    ],
)
def test_deaths_are_told_apart(code, killed, cpu_s, status) -> None:
    """The kernel's word about the end decides the status."""
    death = Death(code=code, killed=killed, cpu_s=cpu_s)

    assert answers.of_death(death, cpu_s=3).status is status


def test_deaths_have_linux_numbers_on_every_machine(monkeypatch) -> None:
    """The code died in a container of Linux, though this machine numbers its signals otherwise."""
    for name in ("SIGSYS", "SIGXCPU"):
        monkeypatch.delattr(signal, name)

    refused = answers.of_death(Death(code=-31, killed=False, cpu_s=0.0), cpu_s=3)
    late = answers.of_death(Death(code=-24, killed=False, cpu_s=3.0), cpu_s=3)

    assert (Status.VIOLATION, Status.TIMEOUT) == (refused.status, late.status)


def test_plain_values_have_canonical_bytes() -> None:
    """Keys are sorted, text is ASCII, nothing is spaced."""
    assert encoder(99)({"b": [1, 1.5, None, True, "\u00fc"], "a": {}}) == (
        b'{"a":{},"b":[1,1.5,null,true,"\\u00fc"]}'
    )


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"a": [{"b": (1,)}]}, "a tuple at a\\[\\].b"),
        ({"a": {1: 2}}, "a key of type int at a"),
        ([float("inf")], "the float inf"),
        (object(), "a object as the answer"),
    ],
)
def test_what_is_not_plain_is_named_with_its_place(value, said) -> None:
    """The message says what was found and where."""
    with pytest.raises(NotPlainError, match=said):
        encoder(99)(value)


def test_cap_counts_bytes_after_escaping() -> None:
    """The cap is on the bytes that would be sent."""
    assert encoder(8)("\u00fc") == b'"\\u00fc"'
    with pytest.raises(TooLargeError):
        encoder(7)("\u00fc")
