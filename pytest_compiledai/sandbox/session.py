"""One loaded program in one locked worker, replaced whenever a call ends the worker."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import AbstractContextManager
from contextlib import nullcontext
from typing import Self

from pytest_compiledai.core.calls import Answer
from pytest_compiledai.core.calls import Limits
from pytest_compiledai.core.calls import Status
from pytest_compiledai.core.errors import SandboxError
from pytest_compiledai.sandbox import answers
from pytest_compiledai.sandbox.inside.frames import NONCE_BYTES
from pytest_compiledai.sandbox.inside.frames import Frame
from pytest_compiledai.sandbox.inside.frames import Kind
from pytest_compiledai.sandbox.inside.frames import pack
from pytest_compiledai.sandbox.measuring import Measured
from pytest_compiledai.sandbox.measuring import check_claims
from pytest_compiledai.sandbox.measuring import run
from pytest_compiledai.sandbox.order import Order
from pytest_compiledai.sandbox.worker import GRACE_S
from pytest_compiledai.sandbox.worker import GoneError
from pytest_compiledai.sandbox.worker import TooLateError
from pytest_compiledai.sandbox.worker import Worker

LOCK_S = 30.0  # fork and lock-down; usually 2 ms
LOAD_S = 5.0  # compile and execute the module, at least
CHUNK_CALLS = 512
CHUNK_BYTES = 1 << 18
DEATHS_CAP = 5


class LostError(Exception):
    """The worker is gone; carries the answer of the call in flight."""

    def __init__(self, answer: Answer, *, ask_again: bool = False) -> None:
        self.answer = answer
        self.ask_again = ask_again  # the call is not to blame
        super().__init__(answer)


class WorkerSession:
    """Implements ``core.calls.Session``; opened by a ``Pool``."""

    def __init__(
        self,
        spawn: Callable[[], tuple[Worker, bytes]],
        order: Order,
        idle_order: Order,
        limits: Limits,
        waiting: Callable[[], AbstractContextManager[None]],
        *,
        where: str,
    ) -> None:
        self._spawn = spawn
        self._order = order
        self._idle_order = idle_order  # of the program that measures the loop around the calls
        self._limits = limits
        self._waiting = waiting
        self._where = where  # the sandbox, in messages
        self._lock = threading.Lock()  # one batch at a time in a worker
        self._worker: Worker | None = None
        self._closed = False
        self._loading: tuple[bytes, bytes] | None = None  # nonces: of the lock, of the load
        self.load_ns = 0  # CPU time of a worker up to its first call, when it is measured
        self._keep: Callable[[bytes], None] | None = None  # takes the code of this load
        self.wall = ""  # what the worker said it is locked with, before it met the program
        self.failure: Answer | None = None  # of loading: the answer to every call
        with waiting():
            self._begin()

    def load(self) -> Self:
        """Wait until the program is loaded, or ``failure`` says why it cannot be."""
        try:
            with self._lock, self._waiting():
                self._ready()
        except BaseException:  # nobody will hold this session, so nobody would close it
            self.close()
            raise
        return self

    def call(self, inputs: Sequence[bytes]) -> list[Answer]:
        """Call the function on each input in order."""
        with self._lock, self._waiting():
            try:
                return self._batch(inputs)
            except BaseException:  # an interrupt: answers of this batch may still be on their way
                self._abandon()
                raise

    def measure(self, inputs: Sequence[bytes], *, rounds: int, warmup: int) -> list[list[int]]:
        """Return CPU nanoseconds of each call, one list a round."""
        with self._lock, self._waiting():
            measured = self._measured(inputs, rounds=rounds, warmup=warmup)
            orders = self._idle_order, self._idle_order
            idle = WorkerSession(self._spawn, *orders, self._limits, nullcontext, where=self._where)
            with idle:
                loop = idle._measured(inputs, rounds=rounds, warmup=1)
            check_claims(measured, loop_ns=loop.consumed_ns, where=self._where)
            return measured.rounds

    def kept(self, inputs: Sequence[bytes]) -> Answer:
        """Return the names that further calls leave changed, and those in answers, as JSON."""
        with self._lock, self._waiting():
            worker = self._ready()
            if worker is None:
                assert self.failure is not None
                return self.failure
            nonce = os.urandom(NONCE_BYTES)
            body = json.dumps([data.decode("utf-8") for data in inputs]).encode()
            worker.send(pack(Kind.KEPT, nonce, body))
            try:
                frame = self._expect(worker, nonce, 2 * len(inputs) * self._limits.call_s)
                return answers.answer_of(frame, cap=self._limits.answer_bytes)
            except LostError as lost:
                return lost.answer
            except ValueError as error:
                return self._lost(worker, answers.crash(error)).answer

    def close(self) -> None:
        """End the worker."""
        self._closed = True
        self._abandon()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _measured(self, inputs: Sequence[bytes], *, rounds: int, warmup: int) -> Measured:
        worker = self._ready()
        if worker is None:
            assert self.failure is not None
            raise self._unmeasured(self.failure.detail)
        limit_s = self._limits.call_s
        try:
            self.load_ns = worker.cpu_ns()
            return run(worker, self._expect, inputs, rounds=rounds, warmup=warmup, call_s=limit_s)
        except ValueError as error:
            raise self._unmeasured(answers.crash(error).detail) from error
        except GoneError as error:
            raise self._unmeasured("a worker that is gone") from error
        except LostError as lost:
            raise self._unmeasured(lost.answer.detail) from lost
        finally:
            self._abandon()  # its collector is off and its memory frozen

    def _batch(self, inputs: Sequence[bytes]) -> list[Answer]:
        found: list[Answer] = []
        deaths = 0
        while len(found) < len(inputs):
            try:
                for answer in self._stream(inputs[len(found) :]):
                    found.append(answer)  # noqa: PERF402 - what came before a loss is kept
            except LostError as lost:
                if lost.ask_again:
                    continue
                found.append(lost.answer)
                deaths += 1
                if deaths == DEATHS_CAP:
                    found += [given_up(lost.answer)] * (len(inputs) - len(found))
        return found

    def _stream(self, inputs: Sequence[bytes]) -> Iterator[Answer]:
        for chunk in _chunks(inputs):
            worker = self._ready()
            if worker is None:
                assert self.failure is not None
                yield from [self.failure] * len(chunk)
                continue
            yield from self._chunk(worker, chunk)

    def _chunk(self, worker: Worker, chunk: Sequence[bytes]) -> Iterator[Answer]:
        random = os.urandom(NONCE_BYTES * len(chunk))
        nonces = [random[at : at + NONCE_BYTES] for at in range(0, len(random), NONCE_BYTES)]
        worker.send(b"".join(map(pack, [Kind.CALL] * len(chunk), nonces, chunk)))
        for nonce in nonces:
            frame = self._expect(worker, nonce, self._limits.call_s)
            try:
                answer = answers.answer_of(frame, cap=self._limits.answer_bytes)
            except ValueError as error:
                raise self._lost(worker, answers.crash(error)) from error
            if answer.status is Status.MEMORY:
                raise self._lost(worker, answer)
            worker.answered += 1
            yield answer

    def _expect(self, worker: Worker, nonce: bytes, limit_s: float) -> Frame:
        """Return the next frame, which must carry ``nonce``; raises ``LostError``."""
        try:
            frame = worker.frame(time.monotonic() + limit_s)
        except TooLateError as error:
            late = Answer(status=Status.TIMEOUT, detail=f"no answer within {limit_s:g} s")
            raise self._lost(worker, late) from error
        except GoneError as error:
            raise self._dead(worker) from error
        except ValueError as error:
            raise self._lost(worker, answers.crash(error)) from error
        if frame.nonce != nonce:
            forged = ValueError("a frame with a nonce that was not asked for")
            raise self._lost(worker, answers.crash(forged))
        return frame

    def _lost(self, worker: Worker, answer: Answer) -> LostError:
        worker.drop()
        self._worker = None
        return LostError(answer)

    def _abandon(self) -> None:
        if self._worker is not None:
            self._worker.drop()
            self._worker = None

    def _dead(self, worker: Worker) -> LostError:
        self._worker = None
        death = worker.end(grace_s=GRACE_S)
        cpu_s = self._limits.cpu_s
        # The limit is of the worker's whole life: a call is not to blame for those before it.
        innocent = worker.answered > 0 and answers.is_cpu_limit(death, cpu_s=cpu_s)
        return LostError(answers.of_death(death, cpu_s=cpu_s), ask_again=innocent)

    def _ready(self) -> Worker | None:
        """Return a worker with CPU seconds left, or None when the program cannot be loaded."""
        worker = self._worker
        half_ns = self._limits.cpu_s * 500_000_000
        if worker is not None and worker.is_spent(half_ns):
            self._abandon()
        if self._worker is None and self.failure is None:
            self._begin()
        if self._worker is not None and self._loading is not None:
            self._finish(self._worker, *self._loading)
        return self._worker

    def _begin(self) -> None:
        """Start a worker and hand it the program; it reads that once it is locked."""
        if self._closed:
            raise SandboxError(where=self._where, found="a closed session", expected="an open one")
        self._worker, locked = self._spawn()
        loaded = os.urandom(NONCE_BYTES)
        self._loading = locked, loaded
        body, self._keep = self._order.body()
        self._worker.send(pack(Kind.LOAD, loaded, body))

    def _finish(self, worker: Worker, locked: bytes, loaded: bytes) -> None:
        """Wait until the program is loaded, or keep the reason why it cannot be."""
        self._loading = None
        self._locked(worker, locked)
        try:
            frame = self._expect(worker, loaded, max(LOAD_S, self._limits.call_s))
            if frame.kind == Kind.CODE and self._keep is not None:
                # The first frame of a load: no line of the program has run yet.
                self._keep(frame.body)
                frame = self._expect(worker, loaded, max(LOAD_S, self._limits.call_s))
            if frame.kind != Kind.LOADED:
                raise self._lost(worker, _of_load(frame, self._limits.answer_bytes))
        except LostError as lost:
            detail = answers.line(f"while loading: {lost.answer.detail}".encode())
            self.failure = Answer(status=_failed(lost.answer.status), detail=detail)

    def _locked(self, worker: Worker, nonce: bytes) -> None:
        """Wait until the worker says that it is locked; raises ``SandboxError``."""
        try:
            frame = self._expect(worker, nonce, LOCK_S)
        except LostError as lost:
            raise self._unlocked(lost.answer.detail) from lost
        if frame.kind != Kind.LOCKED:
            self._abandon()
            raise self._unlocked(answers.line(frame.body))
        self.wall = answers.line(frame.body)

    def _unlocked(self, found: str) -> SandboxError:
        return SandboxError(
            where=self._where,
            found=found,
            expected="a worker behind seccomp",
            next="run where the kernel allows seccomp filters (Linux 4.14 or later)",
        )

    def _unmeasured(self, found: str) -> SandboxError:
        expected = "calls that can be measured to the end"
        return SandboxError(where=self._where, found=found, expected=expected)


def _of_load(frame: Frame, cap: int) -> Answer:
    try:
        return answers.answer_of(frame, cap=cap)
    except ValueError as error:
        return answers.crash(error)


def _failed(status: Status) -> Status:
    """Return the status of a program that did not load; no answer can be had from it."""
    return Status.ERROR if status in (Status.VALUE, Status.ABSTAIN) else status


def given_up(last: Answer) -> Answer:
    """Return the answer of the calls that are not made, after too many deaths."""
    detail = answers.line(f"not called: {DEATHS_CAP} workers died ({last.detail})".encode())
    return Answer(status=last.status, detail=detail)


def _chunks(inputs: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    start = size = 0
    for at, data in enumerate(inputs):
        if at > start and (at - start == CHUNK_CALLS or size + len(data) > CHUNK_BYTES):
            yield inputs[start:at]
            start, size = at, 0
        size += len(data)
    if start < len(inputs):
        yield inputs[start:]
