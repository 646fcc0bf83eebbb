"""A watch over one thread's processor time: work that takes longer is broken off, nothing else is.

A timer of the process would do for a process of one thread. Its signal may reach any thread, and
the interpreter's thread does not always learn of one that another took (CPython 3.11: the flag is
only raised for the thread the handler ran in), or it comes after the work and meets the default,
which ends the process. So a thread looks at the clock and signals the watched thread itself.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self
from typing import TypeVar

LOOKS = 10  # at the clock within the limit, each of them of wall-clock time

Result = TypeVar("Result")


class Overtime(BaseException):
    """The work took more processor time than it may; no `except Exception` catches this."""


class Watch:
    """Watches calls of the thread that enters it, which must be the main thread."""

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        self._until: float | None = None  # of the watched thread's clock; None: nothing is watched
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        """Take the signal over and begin to look."""
        self._watched = threading.get_ident()
        self._clock = time.pthread_getcpuclockid(self._watched)
        self._before = signal.signal(signal.SIGPROF, self._stop)
        self._looking = threading.Thread(target=self._look, daemon=True)
        self._looking.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Look no more, and then, as no signal can come any more, give it back."""
        self._ended.set()
        self._looking.join()
        signal.signal(signal.SIGPROF, self._before)

    def call(self, work: Callable[[], Result]) -> Result:
        """Return what ``work`` returns.

        Raises:
            Overtime: It took more than ``limit_s`` of processor time.
        """
        try:
            self._until = time.thread_time() + self.limit_s
            return work()
        finally:
            self._until = None

    def _look(self) -> None:
        while not self._ended.wait(self.limit_s / LOOKS):
            if self._over(time.clock_gettime(self._clock)):
                signal.pthread_kill(self._watched, signal.SIGPROF)

    def _stop(self, *_: object) -> None:
        if self._over(time.thread_time()):
            self._until = None
            raise Overtime

    def _over(self, now: float) -> bool:
        until = self._until
        return until is not None and now > until
