"""What every backend shares: a zygote for each set of conditions, and sessions in its workers."""

from __future__ import annotations

import abc
import atexit
import contextlib
import dataclasses
import threading
import time
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Generic
from typing import Protocol
from typing import TypeVar

from pytest_compiledai.core.calls import Answer
from pytest_compiledai.core.calls import Conditions
from pytest_compiledai.core.calls import Limits
from pytest_compiledai.core.calls import Program
from pytest_compiledai.sandbox.fresh import fresh_answers
from pytest_compiledai.sandbox.measuring import IDLE_NAME
from pytest_compiledai.sandbox.measuring import IDLE_SOURCE
from pytest_compiledai.sandbox.order import Codes
from pytest_compiledai.sandbox.order import Order
from pytest_compiledai.sandbox.session import WorkerSession
from pytest_compiledai.sandbox.worker import Worker

_Waiting = Callable[[], AbstractContextManager[None]]

_CONDITIONS = Conditions()
_LIMITS = Limits()


class Zygotic(Protocol):
    """A zygote, wherever it is."""

    @property
    def is_alive(self) -> bool:
        """Whether it may still be asked."""

    def close(self) -> None:
        """End it and with it its workers."""


Z = TypeVar("Z", bound=Zygotic)


class Pool(abc.ABC, Generic[Z]):
    """Implements ``core.calls.Sandbox`` over the zygotes of a backend."""

    name: str

    def __init__(self) -> None:
        self._zygotes: dict[tuple[Conditions, tuple[str, ...]], Z] = {}
        self._lock = threading.Lock()  # the zygotes and the seconds
        self._seconds = 0.0
        self._codes = Codes()
        #: What the last opened worker is locked with, in words; says when Landlock is missing.
        self.wall = ""
        #: Why a stronger backend was not taken; empty where there is none or it was not wanted.
        self.reason = ""
        atexit.register(self.close)

    @abc.abstractmethod
    def _start(self, conditions: Conditions, granted: tuple[str, ...]) -> Z:
        """Start a zygote."""

    @abc.abstractmethod
    def _spawn(self, zygote: Z, limits: Limits, *, zones: bool) -> tuple[Worker, bytes]:
        """Have ``zygote`` fork a worker; return it and the nonce of its first frame."""

    def open(
        self, program: Program, *, conditions: Conditions = _CONDITIONS, limits: Limits = _LIMITS
    ) -> WorkerSession:
        """Load ``program`` in a locked worker."""
        session = self._begin(program, conditions, limits, self._waiting).load()
        self.wall = session.wall
        return session

    def call_fresh(
        self,
        program: Program,
        inputs: Sequence[bytes],
        *,
        conditions: Conditions = _CONDITIONS,
        limits: Limits = _LIMITS,
    ) -> list[Answer]:
        """Call the function on each input in a fresh process of its own."""
        with self._waiting(), contextlib.ExitStack() as stack:

            def begin() -> WorkerSession:
                quiet = contextlib.nullcontext  # the wait is counted once, here
                return stack.enter_context(self._begin(program, conditions, limits, quiet))

            return fresh_answers(begin, inputs)

    def seconds(self) -> float:
        """Return the wall seconds spent waiting for the sandbox so far."""
        return self._seconds

    def close(self) -> None:
        """End every process; a later call starts anew."""
        with self._lock:
            zygotes = list(self._zygotes.values())
            self._zygotes.clear()
        for zygote in zygotes:
            zygote.close()

    def _begin(
        self, program: Program, conditions: Conditions, limits: Limits, waiting: _Waiting
    ) -> WorkerSession:
        zones = b"zoneinfo" in program.source

        def spawn() -> tuple[Worker, bytes]:
            return self._spawn(self._zygote(conditions, program.modules), limits, zones=zones)

        order = Order(program, limits, self._codes)
        idle = Order(_idle(program), limits, self._codes)
        return WorkerSession(spawn, order, idle, limits, waiting, where=f"{self.name} sandbox")

    def _zygote(self, conditions: Conditions, modules: tuple[str, ...]) -> Z:
        key = (conditions, tuple(sorted(set(modules))))
        with self._lock:
            zygote = self._zygotes.get(key)
            if zygote is not None and zygote.is_alive:
                return zygote
            if zygote is not None:
                zygote.close()
            self._zygotes[key] = zygote = self._start(*key)
            return zygote

    @contextlib.contextmanager
    def _waiting(self) -> Iterator[None]:
        start = time.monotonic()
        try:
            yield
        finally:
            with self._lock:
                self._seconds += time.monotonic() - start


def _idle(program: Program) -> Program:
    return dataclasses.replace(program, source=IDLE_SOURCE, function=IDLE_NAME, files={})
