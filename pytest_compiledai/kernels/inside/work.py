"""The life of a locked worker that runs one candidate: load it once, then call it.

No expected value is in reach: a call brings inputs and takes back what the kernel wrote.
"""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any
from typing import NoReturn
from typing import Protocol

from pytest_compiledai.sandbox.inside.frames import Frame
from pytest_compiledai.sandbox.inside.frames import Kind
from pytest_compiledai.sandbox.inside.frames import Reader
from pytest_compiledai.sandbox.inside.frames import pack
from pytest_compiledai.sandbox.inside.lockdown import COMMAND_FD
from pytest_compiledai.sandbox.inside.lockdown import RESULT_FD
from pytest_compiledai.sandbox.inside.lockdown import Wall
from pytest_compiledai.sandbox.inside.program import describe

from . import message
from .stack import frames_of

if TYPE_CHECKING:
    from .memory import Buffer
    from .program import NativeProgram
    from .program import TritonProgram
    from .trace import Trace

_READ_BYTES = 1 << 20
_REQUEST_CAP = 1 << 31


class Called(Protocol):
    """What a worker has loaded."""

    def call(self, body: bytes) -> bytes:
        """Return the answer to one message."""


class Work:
    """One loaded candidate and the buffers of its calls, which stay where they are."""

    def __init__(
        self, order: Mapping[str, Any], library: ctypes.CDLL | None, frames: int = 0
    ) -> None:
        # Loaded by the zygote already; not at this module's import, which comes before Triton's.
        from .program import NativeProgram
        from .program import TritonProgram

        self._program: TritonProgram | NativeProgram
        if library is None:
            self._program = TritonProgram(order["source"])
        else:
            self._program = NativeProgram(library, frames)
        self._compiled = library is not None
        self._held: dict[tuple[str, str, int, int], Buffer] = {}
        self._traces: list[Trace] = []

    def call(self, body: bytes) -> bytes:
        """Run the launches of a call in order and return what the writable buffers hold."""
        from .memory import WATCH

        head, data = message.unpack(body)
        buffers: dict[str, Buffer] = {}
        given: dict[str, bytes] = {}
        at = 0
        for fact in head["buffers"]:
            given[fact["name"]] = bytes(data[at : at + fact["bytes"]])
            buffers[fact["name"]] = self._placed(fact, given[fact["name"]])
            at += fact["bytes"]
        WATCH.begin(list(buffers.values()))
        self._program.begin()
        if head["warm"]:  # the framework's tensors lie in the caches too when it is timed
            self._launched(head["launches"], buffers)
            for name, buffer in buffers.items():  # what the first one wrote is no start
                if buffer.writable:
                    buffer.fill(given[name])
        self._traces = []
        spent_ns = self._launched(head["launches"], buffers)
        self._program.end()
        broken = [name for name, buffer in buffers.items() if not buffer.guards_hold()]
        back = [buffers[fact["name"]] for fact in head["buffers"] if fact["returned"]]
        facts = {"broken": broken, "loads": WATCH.loads, "stores": WATCH.stores, "ns": spent_ns}
        facts["traces"] = [trace.said() for trace in self._traces]
        return message.pack(facts, [buffer.told() for buffer in back])

    def _launched(
        self, launches: Sequence[Mapping[str, Any]], buffers: Mapping[str, Buffer]
    ) -> int:
        """Run the launches in order and return their nanoseconds, nothing around them."""
        from .memory import WATCH

        spent_ns = 0
        for launch in launches:
            if not self._compiled:  # nobody watches compiled code, and its time is taken
                trace = WATCH.launch(traced=launch["programs"] is not None)
                self._traces += [trace] if trace else []
            arguments = [_argument(value, buffers) for value in launch["arguments"]]
            begun = time.perf_counter_ns()
            self._program.run(
                launch["kernel"],
                launch["grid"],
                arguments,
                launch["constants"],
                launch["programs"],
            )
            spent_ns += time.perf_counter_ns() - begun
        return spent_ns

    def _placed(self, fact: Mapping[str, Any], data: bytes) -> Buffer:
        """Return a buffer with this content, at the address of the last one of its name and size.

        What a candidate remembers by address is wrong then.
        """
        from .spread import Spread  # with numpy, before which its threads are bounded

        spread = Spread.of(fact["spread"]) if fact["spread"] else None
        size = spread.elements if spread else fact["bytes"]
        key = fact["name"], fact["dtype"], size, fact["skew"]
        held = self._held.get(key)
        if held is None:
            held = self._sort(fact)(
                fact["name"],
                fact["dtype"],
                data,
                skew=fact["skew"],
                writable=fact["writable"],
                gap=fact["gap"],
                spread=spread,
            )
            self._held[key] = held
        elif fact["kept"]:
            held.keep()
        else:
            held.spread = spread
            held.fill(data)
        return held

    def _sort(self, fact: Mapping[str, Any]) -> type[Buffer]:
        """Return the kind of memory: the interpreter's loads are watched, compiled ones are not."""
        from .memory import Buffer
        from .paged import EndBuffer
        from .paged import PagedBuffer

        if not self._compiled:
            return Buffer
        return PagedBuffer if fact["skew"] else EndBuffer


def _argument(value: Any, buffers: Mapping[str, Buffer]) -> Buffer | float:
    return buffers[value] if isinstance(value, str) else value


def live(
    wall: Wall,
    keep: tuple[int, int],
    parent: int,
    limits: Mapping[str, Any],
    nonce: bytes,
    make: Callable[[Mapping[str, Any], ctypes.CDLL | None, int], Called] = Work,
) -> NoReturn:
    """Lock this process, say so, and serve requests until the command pipe closes.

    ``make`` loads what is to be called, from the order that names it. A library is opened before:
    it has no code that runs on opening (see ``native.py``).
    """
    library = ctypes.CDLL(limits["library"]) if limits.get("library") else None
    frames = frames_of(limits["library"]) if library else 0
    wall.arrange(keep)
    try:
        held = wall.stand(parent=parent, limits=limits)
    except OSError as error:
        os.write(RESULT_FD, pack(Kind.ERROR, nonce, describe(error).encode()))
        os._exit(1)
    _send(Kind.LOCKED, nonce, held.encode())
    work: Called | None = None
    reader = Reader(_REQUEST_CAP)
    while (request := _request(reader)) is not None:
        try:
            if request.kind == Kind.LOAD:
                work = make(message.unpack(request.body)[0], library, frames)
                _send(Kind.LOADED, request.nonce)
            elif work is not None:
                _send(Kind.VALUE, request.nonce, work.call(request.body))
        except BaseException as error:  # noqa: BLE001 - a candidate raises anything
            _send(Kind.ERROR, request.nonce, _described(error).encode("utf-8", "replace"))
    os._exit(0)


def _described(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    return describe(error)


def _request(reader: Reader) -> Frame | None:
    while (frame := reader.next()) is None:
        data = os.read(COMMAND_FD, _READ_BYTES)
        if not data:
            return None
        reader.feed(data)
    return frame


def _send(kind: int, nonce: bytes, body: bytes = b"") -> None:
    data = memoryview(pack(kind, nonce, body))
    while data:
        data = data[os.write(RESULT_FD, data) :]
