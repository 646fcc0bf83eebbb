"""The locked worker: answers frames until its pipe closes or it is killed.

Whatever the loop uses is bound before the program is loaded, so a program that patches modules
changes nothing here. That only keeps honest accidents harmless: a program that seizes the whole
worker still cannot answer anything but its own calls, and no expected value is in reach.
"""

from __future__ import annotations

import base64
import gc
import json
import os
import sys
import time
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any
from typing import NoReturn

from .capability import maker
from .frames import Frame
from .frames import Kind
from .frames import Reader
from .frames import pack
from .guard import Sink
from .kept import TooMuchError
from .kept import caches_of_inputs
from .kept import changed
from .kept import kept
from .kept import moves
from .kept import write_into
from .lockdown import COMMAND_FD
from .lockdown import RESULT_FD
from .lockdown import Wall
from .measure import measure
from .plain import NotPlainError
from .plain import TooLargeError
from .plain import encoder
from .program import Abstain
from .program import compiled
from .program import describe
from .program import load
from .program import reason

_REQUEST_CAP = 1 << 30
_READ_BYTES = 1 << 18


class Work:
    """One loaded program and how it is asked."""

    def __init__(self, order: Mapping[str, Any], code: bytes) -> None:
        self.sink = Sink(order["output_bytes"])
        self.encode = encoder(order["answer_bytes"])
        self.arguments = maker(order["capabilities"])
        self.parse = json.JSONDecoder().decode
        sys.stdin = None
        sys.stdout = sys.stderr = self.sink
        self.space = load(
            code,
            order["function"],
            modules=tuple(order["modules"]),
            files={name: base64.b64decode(data) for name, data in order["files"].items()},
        )
        self.function = self.space[order["function"]]
        self.caches: list[Any] = []  # of inputs; known once the calls are to be measured

    def prepare(self, text: str) -> tuple[Any, dict[str, Any]]:
        """Return a fresh input and fresh keyword arguments for one call."""
        self.sink.taken = 0
        return self.parse(text), self.arguments() if self.arguments else {}

    def answer(self, body: bytes) -> tuple[int, bytes]:
        """Return how one call ended and what it gave."""
        try:
            value, arguments = self.prepare(body.decode("utf-8"))
            return Kind.VALUE, self.encode(self.function(value, **arguments))
        except BaseException as error:  # noqa: BLE001 - generated code raises anything
            return outcome(error)

    def spoils(self, text: str) -> tuple[bool, Any]:
        """Call once and return whether the input changed, and the answer; None for none."""
        value, arguments = self.prepare(text)
        try:
            answer = self.function(value, **arguments)
        except Exception:  # noqa: BLE001 - generated code raises anything
            answer = None
        try:
            same = self.encode(value) == self.encode(self.parse(text))
        except (NotPlainError, TooLargeError):
            same = False
        return not same, answer

    def kept(self, inputs: list[str]) -> tuple[int, bytes]:
        """Return the names that a second round of the same calls changes, and those handed out.

        Handed out is what changes when the answers are written into, as their owner may.
        """
        try:
            rounds = []
            for _ in range(2):
                calls = [self.spoils(text) for text in inputs]
                rounds.append(kept(self.space))
            for _, answer in calls:
                write_into(answer)
            names = sorted({*changed(*rounds), *moves(rounds[1])})
            found = ["its input"] * any(spoilt for spoilt, _ in calls) + names
            shared = changed(rounds[1], kept(self.space))
            return Kind.VALUE, self.encode([found, shared])
        except TooMuchError:
            return Kind.TOO_LARGE, b""
        except BaseException as error:  # noqa: BLE001 - the memory may be full
            return outcome(error)


def outcome(error: BaseException) -> tuple[int, bytes]:
    """Return the kind and the detail of a call that gave no value."""
    if isinstance(error, Abstain):
        return Kind.ABSTAIN, reason(error).encode("utf-8", "replace")
    if isinstance(error, MemoryError):
        return Kind.MEMORY, b"MemoryError"
    if isinstance(error, NotPlainError):
        return Kind.NOT_PLAIN, str(error).encode("utf-8", "replace")
    if isinstance(error, TooLargeError):
        return Kind.TOO_LARGE, b""
    return Kind.ERROR, describe(error).encode("utf-8", "replace")


def live(
    wall: Wall, keep: tuple[int, int], parent: int, limits: Mapping[str, int], nonce: bytes
) -> NoReturn:
    """Lock this process, say so, and serve requests until the command pipe closes."""
    finish = os._exit
    wall.arrange(keep)
    try:
        held = wall.stand(parent=parent, limits=limits)
    except OSError as error:
        os.write(RESULT_FD, pack(Kind.ERROR, nonce, describe(error).encode()))
        finish(1)
    send = _sender()
    send(Kind.LOCKED, nonce, held.encode())
    _serve(_requests(), send)
    finish(0)


def _serve(requests: Callable[[], Frame | None], send: Callable[..., None]) -> None:
    finish, clock, now = os._exit, time.thread_time_ns, time.monotonic_ns
    collect, freeze, pause, objects = gc.collect, gc.freeze, gc.disable, gc.get_objects
    work: Work | None = None
    while (request := requests()) is not None:
        nonce, kind, body = request
        if kind == Kind.CALL and work is not None:
            ending, detail = work.answer(body)
            send(ending, nonce, detail)
            if ending == Kind.MEMORY:
                finish(0)  # what filled the memory may still be held
        elif kind == Kind.LOAD:
            try:
                order = json.loads(body)
                code = base64.b64decode(order["code"]) or _compiled(order, send, nonce)
                work = Work(order, code)
                send(Kind.LOADED, nonce)
            except BaseException as error:  # noqa: BLE001 - generated code raises anything
                send(*_named(nonce, *outcome(error)))
        elif kind == Kind.WARM:
            collect()
            if work is not None:
                work.caches = caches_of_inputs(work.space, objects())
            freeze()
            pause()
            send(Kind.DONE, nonce)
        elif kind == Kind.MEASURE and work is not None:
            measure(work, json.loads(body), clock=clock, now=now, send=send, nonce=nonce)
        elif kind == Kind.KEPT and work is not None:
            send(*_named(nonce, *work.kept(work.parse(body.decode("utf-8")))))


def _compiled(order: Mapping[str, Any], send: Callable[..., None], nonce: bytes) -> bytes:
    """Return the program's code, and hand it out while nothing of the program has run yet."""
    code = compiled(base64.b64decode(order["source"]), order["function"])
    send(Kind.CODE, nonce, code if len(code) <= order["answer_bytes"] else b"")
    return code


def _named(nonce: bytes, kind: int, detail: bytes) -> tuple[int, bytes, bytes]:
    return kind, nonce, detail


def _requests() -> Callable[[], Frame | None]:
    reader, read = Reader(_REQUEST_CAP), os.read

    def request() -> Frame | None:
        while (frame := reader.next()) is None:
            data = read(COMMAND_FD, _READ_BYTES)
            if not data:
                return None
            reader.feed(data)
        return frame

    return request


def _sender() -> Callable[..., None]:
    write, packed = os.write, pack

    def send(kind: int, nonce: bytes, body: bytes = b"") -> None:
        data = packed(kind, nonce, body)
        sent = write(RESULT_FD, data)
        while sent < len(data):
            data = data[sent:]
            sent = write(RESULT_FD, data)

    return send
