"""Runs a candidate's launches in a locked process and brings back what they wrote.

A process that has Triton's interpreter loaded and proven forks one worker a candidate; the worker
locks itself (seccomp, Landlock where the kernel has it, no files, no network, no new process)
before it reads the candidate. Allowed remain memory, time and the two pipes. There is no torch in
it, so there is no library to fall back to.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import sys
import threading
import time
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import asdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from typing import Self

from pytest_compiledai.core.calls import Conditions
from pytest_compiledai.core.calls import Limits
from pytest_compiledai.core.errors import SandboxError
from pytest_compiledai.kernels.inside import message
from pytest_compiledai.kernels.inside.spread import Spread
from pytest_compiledai.sandbox import answers
from pytest_compiledai.sandbox.inside.frames import NONCE_BYTES
from pytest_compiledai.sandbox.inside.frames import Kind
from pytest_compiledai.sandbox.inside.frames import pack
from pytest_compiledai.sandbox.worker import GRACE_S
from pytest_compiledai.sandbox.worker import GoneError
from pytest_compiledai.sandbox.worker import TooLateError
from pytest_compiledai.sandbox.worker import Worker
from pytest_compiledai.sandbox.zygote import Born
from pytest_compiledai.sandbox.zygote import Zygote

LOCK_S = 120.0
_MOST_GAP = 64  # closed pages behind a buffer of compiled code
#: The wall clock is wide, so that a busy machine refuses nobody; the processor's is the bound.
LIMITS = Limits(call_s=180.0, cpu_s=240, memory_mb=2048, answer_bytes=1 << 30)


class FaultError(Exception):
    """A candidate gave no answer; the text says how its call ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One buffer of a call."""

    name: str
    dtype: str
    data: bytes
    skew: int = 0  # elements behind a 64-byte boundary
    writable: bool = False
    returned: bool = False
    kept: bool = False  # holds what the last call of its size left, and ``data`` before the first
    spread: Spread | None = None  # of which parts of the tensor ``data`` are


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One launch with every expression computed."""

    kernel: str
    grid: tuple[int, ...]
    arguments: tuple[str | float, ...]  # the names of buffers, or numbers
    constants: Mapping[str, Any]
    programs: tuple[int, ...] | None = None  # those that run, traced; all of them without


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a call wrote, by buffer, and what the watch counted."""

    data: Mapping[str, bytes]
    broken: tuple[str, ...]  # buffers beside which something was written
    loads: int
    stores: int
    ns: int  # of the launches, by the worker's clock
    #: Of each launch of named programs: program, verb, buffer and the pieces that it touched.
    traces: tuple[Any, ...] = ()


class KernelZygote(Zygote):
    """The process that workers are forked from; ``library`` goes into the next worker."""

    @staticmethod
    def _argv(channel: int, granted: tuple[str, ...]) -> list[str]:  # noqa: ARG004 - none granted
        boot = ["-P", "-m", "pytest_compiledai.kernels.inside.zygote"]
        return [sys.executable, *boot, str(channel), str(os.getpid())]

    def born(self, limits: Limits, library: str) -> Born:
        """Return a new worker that has opened ``library``, if any, before its wall stands."""
        bounds = {"cpu_s": limits.cpu_s, "memory_mb": limits.memory_mb, "library": library}
        return self._born(bounds, zones=False)


_ZYGOTES: dict[int, KernelZygote] = {}
_LOCK = threading.Lock()  # one zygote a process


def _zygote() -> KernelZygote:
    with _LOCK:
        held = _ZYGOTES.get(os.getpid())
        if held is None or not held.is_alive:
            if not sys.platform.startswith("linux") or not hasattr(socket, "SOCK_SEQPACKET"):
                raise _no_wall(f"the platform {sys.platform}")
            held = _ZYGOTES[os.getpid()] = KernelZygote(Conditions(), ())
            import atexit

            atexit.register(held.close)
        return held


class Running:
    """One candidate loaded in one locked worker. Use as a context manager.

    Raises ``SandboxError`` where there is no wall, ``FaultError`` where the candidate ends it.
    """

    def __init__(
        self,
        source: str,
        *,
        library: Path | None = None,
        limits: Limits = LIMITS,
        zygote: KernelZygote | None = None,
    ) -> None:
        """Start the worker, from this process's zygote where no other is given."""
        zygote = zygote or _zygote()
        born = zygote.born(limits, str(library or ""))
        self._limits = limits
        self._worker = Worker(zygote, born, answer_bytes=limits.answer_bytes)
        try:
            self.wall = self._locked(born.nonce)
            self._loaded(source)
        except BaseException:
            self.close()
            raise

    def _locked(self, nonce: bytes) -> str:
        kind, said = self._answer(nonce, LOCK_S)
        words = said.decode("utf-8", "replace")
        if kind != Kind.LOCKED:
            raise _no_wall(words)
        return words

    def _loaded(self, source: str) -> None:
        kind, body = self._ask(Kind.LOAD, message.pack({"source": source}))
        if kind != Kind.LOADED:
            raise FaultError(f"while loading: {answers.line(body)}")

    def call(
        self, buffers: Sequence[Held], steps: Sequence[Step], *, warm: bool = False
    ) -> Written:
        """Run the steps in order over these buffers; ``warm``, once before they are timed."""
        facts = [
            {
                "name": held.name,
                "dtype": held.dtype,
                "bytes": len(held.data),
                "skew": held.skew,
                "writable": held.writable,
                "returned": held.returned,
                "kept": held.kept,
                "gap": secrets.randbelow(_MOST_GAP),
                "spread": asdict(held.spread) if held.spread else None,
            }
            for held in buffers
        ]
        launches = [
            {
                "kernel": step.kernel,
                "grid": list(step.grid) + [1] * (3 - len(step.grid)),
                "arguments": list(step.arguments),
                "constants": dict(step.constants),
                "programs": step.programs,
            }
            for step in steps
        ]
        head = {"buffers": facts, "launches": launches, "warm": warm}
        body = self.ask(message.pack(head, [held.data for held in buffers]))
        return _written(body, [held for held in buffers if held.returned])

    def close(self) -> None:
        """End the worker."""
        self._worker.drop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def ask(self, body: bytes) -> bytes:
        """Return a worker's answer to a message of its own sort."""
        kind, answer = self._ask(Kind.CALL, body)
        if kind != Kind.VALUE:
            raise FaultError(answers.line(answer))
        return answer

    def _ask(self, kind: Kind, body: bytes) -> tuple[int, bytes]:
        nonce = secrets.token_bytes(NONCE_BYTES)
        self._worker.send(pack(kind, nonce, body))
        return self._answer(nonce, self._limits.call_s)

    def _answer(self, nonce: bytes, limit_s: float) -> tuple[int, bytes]:
        with _told(self._worker, self._limits, limit_s):
            frame = self._worker.frame(time.monotonic() + limit_s)
        if frame.nonce != nonce:
            raise FaultError("a frame with a nonce that was not asked for")
        return frame.kind, frame.body


@contextlib.contextmanager
def _told(worker: Worker, limits: Limits, limit_s: float) -> Iterator[None]:
    try:
        yield
    except TooLateError as error:
        raise FaultError(f"no answer within {limit_s:g} s") from error
    except ValueError as error:
        raise FaultError(f"an unreadable answer: {error}") from error
    except GoneError as error:
        death = worker.end(grace_s=GRACE_S)
        raise FaultError(answers.of_death(death, cpu_s=limits.cpu_s).detail) from error


def _written(body: bytes, returned: Sequence[Held]) -> Written:
    try:
        head, data = message.unpack(body)
        broken, loads, stores = tuple(head["broken"]), int(head["loads"]), int(head["stores"])
        spent_ns, traces = int(head["ns"]), tuple(head["traces"])
    except (ValueError, KeyError, TypeError) as error:
        raise FaultError(f"an unreadable answer: {error}") from error
    if len(data) != sum(len(held.data) for held in returned):
        raise FaultError(f"{len(data)} bytes of output where the buffers have another size")
    found, at = {}, 0
    for held in returned:
        found[held.name] = bytes(data[at : at + len(held.data)])
        at += len(held.data)
    return Written(
        data=found, broken=broken, loads=loads, stores=stores, ns=spent_ns, traces=traces
    )


def _no_wall(found: str) -> SandboxError:
    return SandboxError(
        where="sandbox of kernels",
        found=found,
        expected="a locked worker with Triton's interpreter, proven for bfloat16",
        next="run on Linux with seccomp, and: pip install 'pytest-compiledai[kernels]'",
    )
