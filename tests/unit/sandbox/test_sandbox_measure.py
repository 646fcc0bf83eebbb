"""Measured times and what is done about a worker that lies about them."""

from __future__ import annotations

import pytest

from pytest_compiledai.core.calls import Limits
from pytest_compiledai.core.calls import Program
from pytest_compiledai.core.errors import SandboxError
from pytest_compiledai.sandbox.measuring import Measured
from pytest_compiledai.sandbox.measuring import check_claims

#: Finds the list of times in the frames below its own and makes every call look free.
LIE = """
import sys
def f(data):
    frame = sys._getframe(1)
    while frame:
        times = frame.f_locals.get("times")
        if times:
            times[:] = [1] * len(times)
        frame = frame.f_back
    for _ in range(200_000): pass
"""

HANG_ON_INPUT = "def f(data):\n    data['z'] = [0] * 100_000\n    return data"
HANG_ON_ERROR = "def f(data):\n    z = [[n] for n in range(3000)]\n    raise ValueError(z)"


def measure(sandbox, source, inputs, *, limits=None, rounds=2, warmup=1) -> list[list[int]]:
    program = Program(source=source.encode(), function="f")
    with sandbox.open(program, limits=limits or Limits()) as session:
        return session.measure(inputs, rounds=rounds, warmup=warmup)


def test_times_have_the_shape_of_rounds_and_inputs(sandbox) -> None:
    """One list a round, one time an input, more work takes longer."""
    source = "def f(data):\n    for _ in range(data): pass"

    found = measure(sandbox, source, [b"10", b"300000"] * 5, rounds=3)

    assert [len(times) for times in found] == [10, 10, 10]
    assert all(min(times[1::2]) > 10 * min(times[::2]) for times in found)


@pytest.mark.parametrize("takes", ["n", "*n", "**n"])
def test_what_was_kept_of_an_input_is_forgotten_before_it_comes_again(sandbox, takes) -> None:
    """A cache keyed by the input makes no later call quick; a table that is built once does."""
    given = "**{'n': data}" if takes == "**n" else "data"
    slow = "    return sum(range(100_000))\n"
    head = f"import functools\n@functools.cache\ndef work({takes}):\n{slow}"
    once = f"import functools\n@functools.cache\ndef table():\n{slow}"

    kept = measure(sandbox, f"{head}def f(data): return work({given})", [b"1", b"2"] * 4)
    built = measure(sandbox, f"{once}def f(data): return table()", [b"1", b"2"] * 4)

    assert min(map(min, kept)) > 20 * min(map(min, built))


def test_loading_is_counted_apart_from_the_calls(sandbox) -> None:
    """The kernel's count of a worker that has not been called yet; each session has its own."""
    taken = []
    for source in ("def f(data): return 1", "K = sum(range(20_000_000))\ndef f(data): return 1"):
        program = Program(source=source.encode(), function="f")
        with sandbox.open(program) as session:
            session.measure([b"1"] * 20, rounds=1, warmup=0)
            taken.append(session.load_ns)

    assert 0 < 5 * taken[0] < taken[1]


def test_calls_below_a_microsecond_raise_no_alarm(sandbox) -> None:
    """A trivial function is measured, although the loop around it costs far more."""
    found = measure(sandbox, "def f(data): return data", [b'{"a":[1,2,3]}'] * 2000, rounds=3)

    assert max(map(len, found)) == 2000


@pytest.mark.parametrize("source", [HANG_ON_INPUT, HANG_ON_ERROR])
def test_work_of_freeing_belongs_to_the_call(sandbox, source) -> None:
    """A function that hangs much on its input or its exception is no liar."""
    assert len(measure(sandbox, source, [b"{}"] * 200)[0]) == 200


def test_refusals_and_errors_are_measured_as_well(sandbox) -> None:
    """A call that raises took its time."""
    source = "def f(data): raise Abstain if data else ValueError"

    assert len(measure(sandbox, source, [b"0", b"1"])[0]) == 2


def test_tampered_clock_is_found(sandbox) -> None:
    """Claims far below the CPU time that the kernel counted are an error."""
    with pytest.raises(SandboxError, match="the clock was tampered with"):
        measure(sandbox, LIE, [b"1"] * 20)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("def f(data):\n    while True: pass", "no answer within"),
        ("import sys\ndef f(data): sys.modules['posix'].fork()", "SIGSYS"),
        ("import sys\ndef f(data): sys.modules['posix']._exit(0)", "exited with code 0"),
        ("import sys\ndef f(data): sys.modules['posix'].write(4, b'[' * 99)", "sent a frame"),
        ("1/0", "while loading: ZeroDivisionError"),
    ],
)
def test_program_that_cannot_be_measured_is_an_error(sandbox, source, found) -> None:
    """A death, an endless call or a forged frame while measuring is an error."""
    with pytest.raises(SandboxError, match=found):
        measure(sandbox, source, [b"1"] * 3, limits=Limits(call_s=0.2))


def test_session_answers_after_measuring(sandbox) -> None:
    """Measuring does not end the session."""
    with sandbox.open(Program(source=b"def f(data): return data", function="f")) as session:
        session.measure([b"1"], rounds=1, warmup=0)

        assert session.call([b"2"])[0].value == b"2"


@pytest.mark.parametrize(
    ("claimed", "consumed", "loop", "believed"),
    [
        (50_000_000, 52_000_000, 1_000_000, True),
        (10_000_000, 52_000_000, 1_000_000, False),
        (100_000, 10_000_000, 9_000_000, True),  # drowned in the loop
        (0, 1_900_000, 0, True),  # too little to say
        (0, 2_100_000, 0, False),
    ],
)
def test_claims_are_held_against_the_kernel(claimed, consumed, loop, believed) -> None:
    """Only what exceeds the loop and the slack must be covered by claims."""
    measured = Measured([[claimed]], consumed)

    if believed:
        check_claims(measured, loop_ns=loop, where="f")
    else:
        with pytest.raises(SandboxError):
            check_claims(measured, loop_ns=loop, where="f")
