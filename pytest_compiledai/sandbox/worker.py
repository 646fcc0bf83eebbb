"""The parent's side of one worker: frames out and in, against a deadline."""

from __future__ import annotations

import contextlib
import os
import select
import time
from typing import Protocol

from pytest_compiledai.sandbox.inside.frames import Frame
from pytest_compiledai.sandbox.inside.frames import Reader
from pytest_compiledai.sandbox.zygote import Born
from pytest_compiledai.sandbox.zygote import Death

_READ_BYTES = 1 << 18
BODY_SLACK = 4096  # details of answers that are no value
#: A worker that closed its pipe is given this long to be seen dead before it is killed.
GRACE_S = 0.25


class TooLateError(Exception):
    """The deadline passed."""


class GoneError(Exception):
    """The worker's result pipe is closed."""


class Keeper(Protocol):
    """The zygote that forked a worker, wherever it is."""

    def end(self, pid: int, *, grace_s: float) -> Death:
        """Wait up to ``grace_s`` for a worker's end, then kill it; return how it ended."""

    def drop(self, pid: int) -> None:
        """Kill a worker without waiting for its end."""


class Worker:
    """One locked process. Raises ``ValueError`` for a stream that is no stream of frames."""

    def __init__(self, zygote: Keeper, born: Born, *, answer_bytes: int) -> None:
        self._zygote = zygote
        self.pid = born.pid
        self._command, self._result = born.command_fd, born.result_fd
        os.set_blocking(self._command, False)
        os.set_blocking(self._result, False)
        self._reader = Reader(answer_bytes + BODY_SLACK)
        self._out = memoryview(b"")  # a slice of it copies nothing: messages may be large
        self._poll = select.poll()
        self._poll.register(self._result, select.POLLIN)
        self.answered = 0
        self._open = True

    def send(self, data: bytes) -> None:
        """Hand ``data`` to the worker; what its pipe does not take yet goes out in ``frame``."""
        self._out = memoryview(b"".join((self._out, data)))
        self._push()
        if self._out:
            self._poll.register(self._command, select.POLLOUT)

    def frame(self, deadline: float) -> Frame:
        """Return the next frame; raises ``TooLateError`` or ``GoneError``.

        ``deadline`` is a time of the monotonic clock, in seconds.
        """
        while (frame := self._reader.next()) is None:
            left = deadline - time.monotonic()
            if left <= 0 or not (events := self._poll.poll(left * 1000 + 1)):
                raise TooLateError
            for number, _ in events:
                if number == self._result:
                    self._pull()
                else:
                    self._push()
        return frame

    def cpu_ns(self) -> int:
        """Return the CPU nanoseconds the kernel has counted; raises ``GoneError``."""
        # CPUCLOCK_SCHED of another process (clock_getcpuclockid): the worker cannot touch it.
        try:
            return time.clock_gettime_ns((~self.pid << 3) | 2)
        except OSError as error:  # reaped by another: its zygote is gone, and it with it
            raise GoneError from error

    def is_spent(self, cpu_ns: int) -> bool:
        """Return whether more than ``cpu_ns`` of CPU time is used, or the process is gone."""
        try:
            return self.cpu_ns() > cpu_ns
        except GoneError:
            return True

    def end(self, *, grace_s: float) -> Death:
        """End the process and return how it ended."""
        self._close()
        return self._zygote.end(self.pid, grace_s=grace_s)

    def drop(self) -> None:
        """End the process without asking how."""
        if self._open:
            self._close()
            self._zygote.drop(self.pid)

    def _close(self) -> None:
        self._open = False
        os.close(self._command)
        os.close(self._result)

    def _pull(self) -> None:
        data = os.read(self._result, _READ_BYTES)
        if not data:
            raise GoneError
        self._reader.feed(data)

    def _push(self) -> None:
        try:
            sent = os.write(self._command, self._out)
        except BlockingIOError:
            return
        except BrokenPipeError:
            sent = len(self._out)  # the result pipe tells that it is gone
        self._out = self._out[sent:]
        if not self._out:
            with contextlib.suppress(KeyError):
                self._poll.unregister(self._command)
