"""This side of the stream to the relay in a container: one reader, a queue for each number."""

from __future__ import annotations

import contextlib
import itertools
import os
import struct
import threading
import weakref
from collections import deque
from queue import SimpleQueue
from typing import Any
from typing import Final

from pytest_compiledai.sandbox.inside.mux import Cutter
from pytest_compiledai.sandbox.inside.mux import Op
from pytest_compiledai.sandbox.inside.mux import pack

_READ_BYTES: Final = 1 << 18
_ENGINE_HEAD: Final = struct.Struct(">BxxxI")  # of the engine's own frames: which output, bytes
_OUTPUT: Final = 1
_SAID_BYTES: Final = 4096
_ENDS: Final = frozenset({Op.END, Op.GONE})

#: Bytes, or None: nothing more will come.
Queue = SimpleQueue[bytes | None]


class Stream:
    """An attached container. Its numbers are never used again, so a late frame reaches nobody."""

    def __init__(self, raw: Any, attached: Any) -> None:
        self._raw = raw
        self._attached = attached  # the SDK's object, which closes the socket when it is collected
        self._writing = threading.Lock()
        self._filing = threading.Lock()  # the queues, and whether the stream is lost
        self._queues: dict[int, Queue] = {}
        self._numbers = itertools.count(1)
        self._said: deque[bytes] = deque(maxlen=8)  # what the container wrote on standard error
        self._owner = os.getpid()
        self._ended = False
        self.hello: Queue = self._queues.setdefault(0, SimpleQueue())
        _let_go_in_a_fork(self)
        self._reader = threading.Thread(target=self._read, name="compiledai-docker", daemon=True)
        self._reader.start()

    @property
    def is_ours(self) -> bool:
        """Whether this process attached it: a process forked from that one has no reader."""
        return self._owner == os.getpid()

    @property
    def lost(self) -> bool:
        """Whether nothing more will come."""
        return self._ended or not self.is_ours

    def subscribe(self) -> tuple[int, Queue]:
        """Return a new number and the queue of what comes for it."""
        queue: Queue = SimpleQueue()
        with self._filing:
            number = next(self._numbers)
            self._queues[number] = queue
            if self._ended:
                queue.put(None)
        return number, queue

    def forget(self, number: int) -> None:
        """Drop what still comes for a number."""
        with self._filing:
            self._queues.pop(number, None)

    def send(self, op: Op, number: int, body: bytes = b"") -> None:
        """Send a frame; where the container is gone, every queue tells."""
        self.send_raw(pack(op, number, body))

    def send_raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        with self._writing, contextlib.suppress(OSError):
            self._raw.sendall(data)

    def said(self) -> str:
        """Return the last line that the container wrote on standard error."""
        text = b"".join(self._said)[-_SAID_BYTES:].decode("utf-8", "replace").strip()
        return text.splitlines()[-1] if text else ""

    def close(self) -> None:
        """Close the stream: the relay reads the end of its input, and the container ends."""
        if self.is_ours:
            with contextlib.suppress(OSError):
                self._raw.shutdown(2)
            self._reader.join(5)
        self._raw.close()
        self._attached.close()

    def _read(self) -> None:
        cutter = Cutter()
        pending = bytearray()
        with contextlib.suppress(OSError, ValueError):
            while data := self._raw.recv(_READ_BYTES):
                pending += data
                for output in self._outputs(pending):
                    for op, number, body in cutter.cut(output):
                        self._file(op, number, body)
        with self._filing:
            self._ended = True
            for queue in self._queues.values():
                queue.put(None)

    def _outputs(self, pending: bytearray) -> list[bytes]:
        """Take the engine's whole frames from ``pending`` and return what the relay wrote."""
        found: list[bytes] = []
        at = 0
        while len(pending) >= at + _ENGINE_HEAD.size:
            which, length = _ENGINE_HEAD.unpack_from(pending, at)
            start = at + _ENGINE_HEAD.size
            if len(pending) < start + length:
                break
            wrote = bytes(pending[start : start + length])
            (found if which == _OUTPUT else self._said).append(wrote)
            at = start + length
        del pending[:at]
        return found

    def _file(self, op: int, number: int, body: bytes) -> None:
        with self._filing:
            queue = self._queues.get(number)
        if queue is not None:
            queue.put(None if op in _ENDS else body)


def _let_go_in_a_fork(stream: Stream) -> None:
    """Let a process that is forked from this one not keep the container's input open."""
    if not hasattr(os, "register_at_fork"):
        return
    weak = weakref.ref(stream)

    def let_go() -> None:
        if (held := weak()) is not None:
            os.close(held._raw.detach())  # noqa: SLF001 - the class's own file

    os.register_at_fork(after_in_child=let_go)
