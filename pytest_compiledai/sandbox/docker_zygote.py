"""Zygotes and workers in a container, as the asking side sees them."""

from __future__ import annotations

import json
import secrets
import threading
import time
from queue import Empty
from typing import Any

from pytest_compiledai.core.calls import Conditions
from pytest_compiledai.core.calls import Limits
from pytest_compiledai.sandbox.docker_engine import broken
from pytest_compiledai.sandbox.docker_stream import Queue
from pytest_compiledai.sandbox.docker_stream import Stream
from pytest_compiledai.sandbox.inside.frames import NONCE_BYTES
from pytest_compiledai.sandbox.inside.frames import Frame
from pytest_compiledai.sandbox.inside.frames import Reader
from pytest_compiledai.sandbox.inside.mux import WINDOW
from pytest_compiledai.sandbox.inside.mux import Op
from pytest_compiledai.sandbox.worker import BODY_SLACK
from pytest_compiledai.sandbox.worker import GoneError
from pytest_compiledai.sandbox.worker import TooLateError
from pytest_compiledai.sandbox.worker import Worker
from pytest_compiledai.sandbox.zygote import START_S
from pytest_compiledai.sandbox.zygote import Death
from pytest_compiledai.sandbox.zygote import environment

ANSWER_S = 10.0  # of a question to the relay or a zygote, which are idle or a grace behind


class ContainerZygote:
    """A zygote in a container; raises ``SandboxError`` when it is gone."""

    def __init__(self, stream: Stream, conditions: Conditions, granted: tuple[str, ...]) -> None:
        self._stream = stream
        self._lock = threading.Lock()  # one request and its answer at a time
        self._number, self._queue = stream.subscribe()
        self._gone = False
        wanted = {"environment": environment(conditions), "granted": granted}
        with self._lock:
            stream.send(Op.START, self._number, json.dumps(wanted).encode())
            self.landlock = int(self._answer(START_S)["landlock"])

    def fork(self, limits: Limits, *, zones: bool) -> StreamWorker:
        """Return a new worker; it locks itself and then says so in its first frame."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        number, queue = self._stream.subscribe()
        request = {
            "op": "fork",
            "limits": {"cpu_s": limits.cpu_s, "memory_mb": limits.memory_mb},
            "nonce": nonce.hex(),
            "zones": zones,
            "pipes": number,
        }
        try:
            pid = self._ask(request)["pid"]
        except BaseException:
            self._stream.forget(number)
            self._stream.send(Op.CLOSE, number)
            raise
        return StreamWorker(
            self,
            self._stream,
            pipes=(number, queue),
            pid=pid,
            nonce=nonce,
            answer_bytes=limits.answer_bytes,
        )

    def end(self, pid: int, *, grace_s: float) -> Death:
        """Wait up to ``grace_s`` for a worker's end, then kill it; return how it ended."""
        answer = self._ask({"op": "end", "pid": pid, "grace_s": grace_s})
        return Death(code=answer["code"], killed=answer["killed"], cpu_s=answer["cpu_s"])

    def drop(self, pid: int) -> None:
        """Kill a worker without waiting for its end."""
        self._stream.send(Op.ASK, self._number, json.dumps({"op": "drop", "pid": pid}).encode())

    @property
    def is_alive(self) -> bool:
        """Whether the zygote still runs, as far as is known."""
        return not (self._gone or self._stream.lost)

    def close(self) -> None:
        """End it and with it its workers."""
        self._gone = True
        self._stream.forget(self._number)
        self._stream.send(Op.CLOSE, self._number)

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            if self._gone:
                raise broken("a zygote that is gone")
            self._stream.send(Op.ASK, self._number, json.dumps(request).encode())
            return self._answer(ANSWER_S)

    def _answer(self, within_s: float) -> dict[str, Any]:
        try:
            message = self._queue.get(timeout=within_s)
        except Empty as error:
            self.close()
            raise broken(f"no answer within {within_s:g} s") from error
        except BaseException:  # an interrupt: a later request must not read the answer to this one
            self.close()
            raise
        if message is None:
            self._gone = True
            raise broken(self._stream.said() or "its end")
        found: dict[str, Any] = json.loads(message)
        if "error" in found:
            raise broken(found["error"])
        return found


class StreamWorker(Worker):
    """One locked process in a container."""

    def __init__(
        self,
        zygote: ContainerZygote,
        stream: Stream,
        *,
        pipes: tuple[int, Queue],
        pid: int,
        nonce: bytes,
        answer_bytes: int,
    ) -> None:
        self._zygote = zygote
        self.pid = pid
        self.nonce = nonce
        self._stream = stream
        self._number, self._queue = pipes
        self._reader = Reader(answer_bytes + BODY_SLACK)
        self._taken = 0  # bytes that the relay was not told of yet
        self._ended = False
        self._born = time.monotonic()
        self.answered = 0
        self._open = True

    def send(self, data: bytes) -> None:
        """Hand ``data`` to the worker."""
        self._stream.send(Op.DATA, self._number, data)

    def frame(self, deadline: float) -> Frame:
        """Return the next frame; raises ``TooLateError`` or ``GoneError``."""
        while (frame := self._reader.next()) is None:
            self._take(deadline - time.monotonic())
        return frame

    def cpu_ns(self) -> int:
        """Return the CPU nanoseconds the kernel has counted; raises ``GoneError``."""
        number, queue = self._stream.subscribe()
        try:
            self._stream.send(Op.CPU, number, str(self.pid).encode())
            answer = queue.get(timeout=ANSWER_S)
        except Empty as error:
            raise GoneError from error
        finally:
            self._stream.forget(number)
        if not answer:
            raise GoneError
        return int(answer)

    def is_spent(self, cpu_ns: int) -> bool:
        """Return whether more than ``cpu_ns`` of CPU time is used, or the process is gone."""
        if self._ended or self._stream.lost:
            return True
        # One thread uses no more CPU time than passed: most batches need not ask.
        if (time.monotonic() - self._born) * 1e9 < cpu_ns:
            return False
        return super().is_spent(cpu_ns)

    def _take(self, left_s: float) -> None:
        if self._ended:
            raise GoneError
        try:
            data = self._queue.get(timeout=left_s) if left_s > 0 else self._queue.get_nowait()
        except Empty as error:
            raise TooLateError from error
        if data is None:
            self._ended = True
            raise GoneError
        self._taken += len(data)
        if self._taken >= WINDOW // 2:
            self._stream.send(Op.CREDIT, self._number, str(self._taken).encode())
            self._taken = 0
        self._reader.feed(data)

    def _close(self) -> None:
        self._open = False
        self._stream.forget(self._number)
        self._stream.send(Op.CLOSE, self._number)
