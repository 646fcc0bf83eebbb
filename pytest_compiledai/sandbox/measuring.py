"""Measures a worker's calls and holds what it claims against what the kernel counted."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from collections.abc import Sequence
from typing import NamedTuple

from pytest_compiledai.core.errors import SandboxError
from pytest_compiledai.sandbox.inside.frames import NONCE_BYTES
from pytest_compiledai.sandbox.inside.frames import Frame
from pytest_compiledai.sandbox.inside.frames import Kind
from pytest_compiledai.sandbox.inside.frames import pack
from pytest_compiledai.sandbox.worker import Worker

#: What a worker may consume unexplained before its claims are doubted: this much in all, and
#: half of what the loop around the calls costs. A call below a microsecond drowns in that loop.
SLACK_NS = 2_000_000
SLACK_OF_LOOP = 0.5
#: The least part of the unexplained CPU time that the claims must cover.
CLAIMED_SHARE = 0.4

#: Stands for the loop around the calls: parsing the input, reading the clock, nothing else.
IDLE_NAME = "idle"
IDLE_SOURCE = b"def idle(data, **capabilities):\n    return None\n"

Expect = Callable[[Worker, bytes, float], Frame]


class Measured(NamedTuple):
    """Claims of a worker and the truth about their sum."""

    rounds: list[list[int]]  # CPU nanoseconds of each call, as the worker says
    consumed_ns: int  # CPU nanoseconds of the worker over these rounds, as the kernel says


def run(
    worker: Worker,
    expect: Expect,
    inputs: Sequence[bytes],
    *,
    rounds: int,
    warmup: int,
    call_s: float,
) -> Measured:
    """Return the times of ``rounds`` passes over ``inputs`` after ``warmup`` unmeasured ones.

    Raises ``ValueError`` for times that cannot be read, and what ``expect`` raises.
    """
    body = json.dumps([data.decode("utf-8") for data in inputs]).encode()
    for _ in range(warmup):
        _one_pass(worker, expect, body, len(inputs), call_s)
    nonce = os.urandom(NONCE_BYTES)
    worker.send(pack(Kind.WARM, nonce))
    _only(expect(worker, nonce, call_s), Kind.DONE)
    before = worker.cpu_ns()
    times = [_one_pass(worker, expect, body, len(inputs), call_s) for _ in range(rounds)]
    return Measured(times, worker.cpu_ns() - before)


def check_claims(measured: Measured, *, loop_ns: int, where: str) -> None:
    """Raise ``SandboxError`` when the claims are far below what the kernel counted.

    ``loop_ns`` is what the same passes cost a worker that does nothing in its calls.
    """
    claimed = sum(map(sum, measured.rounds))
    unexplained = measured.consumed_ns - loop_ns
    if unexplained < SLACK_NS + SLACK_OF_LOOP * loop_ns or claimed >= CLAIMED_SHARE * unexplained:
        return
    raise SandboxError(
        where=where,
        found=f"calls that claim {claimed / 1e6:.2f} ms of CPU where the kernel counted "
        f"{unexplained / 1e6:.2f} ms: the clock was tampered with",
        expected="claims that cover what was consumed",
    )


def _one_pass(worker: Worker, expect: Expect, body: bytes, count: int, call_s: float) -> list[int]:
    nonce = os.urandom(NONCE_BYTES)
    worker.send(pack(Kind.MEASURE, nonce, body))
    times: list[int] = []
    while (frame := expect(worker, nonce, call_s)).kind != Kind.DONE:
        _only(frame, Kind.TIMES)
        times += _times(frame.body, count - len(times))
    if len(times) != count:
        raise ValueError(f"{len(times)} times for {count} calls")
    return times


def _times(body: bytes, most: int) -> list[int]:
    try:
        found = json.loads(body)
    except RecursionError as error:
        raise ValueError("times that are nested without end") from error
    if type(found) is not list or len(found) > most:
        raise ValueError("times that are no list of the right length")
    if not all(type(item) is int and item >= 0 for item in found):
        raise ValueError("times that are no whole nanoseconds")
    return found


def _only(frame: Frame, kind: Kind) -> None:
    if frame.kind != kind:
        raise ValueError(f"a frame of kind {frame.kind} while measuring")
