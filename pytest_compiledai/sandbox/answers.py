"""Turns frames and deaths into answers; nothing a worker says is believed unchecked."""

from __future__ import annotations

import functools
import json
from typing import Any
from typing import Final

from pytest_compiledai.core.calls import Answer
from pytest_compiledai.core.calls import Status
from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.sandbox.inside.frames import Frame
from pytest_compiledai.sandbox.inside.frames import Kind
from pytest_compiledai.sandbox.inside.plain import DEPTH_CAP
from pytest_compiledai.sandbox.zygote import Death

#: Linux's numbers: the code runs there, in a container too, whatever this machine numbers itself.
_SIGNALS: Final = {
    4: "SIGILL",
    6: "SIGABRT",
    7: "SIGBUS",
    8: "SIGFPE",
    9: "SIGKILL",
    11: "SIGSEGV",
    15: "SIGTERM",
    24: "SIGXCPU",
    25: "SIGXFSZ",
    31: "SIGSYS",
}
DETAIL_CAP = 300
_SHORT = 4_096  # bytes of an answer that is worth remembering
_STATUS = {
    Kind.ABSTAIN: Status.ABSTAIN,
    Kind.ERROR: Status.ERROR,
    Kind.NOT_PLAIN: Status.NOT_PLAIN,
    Kind.TOO_LARGE: Status.TOO_LARGE,
    Kind.MEMORY: Status.MEMORY,
}


def answer_of(frame: Frame, *, cap: int) -> Answer:
    """Return what a frame says; raises ``ValueError`` for what no honest worker sends."""
    if frame.kind == Kind.VALUE:
        return Answer(status=Status.VALUE, value=checked(frame.body, cap=cap))
    status = _STATUS.get(frame.kind)  # type: ignore[call-overload]
    if status is None:
        raise ValueError(f"a frame of kind {frame.kind}")
    return Answer(status=status, detail=line(frame.body))


def checked(body: bytes, *, cap: int) -> bytes:
    """Return ``body`` if it is canonical JSON of plain data; raises ``ValueError``."""
    if len(body) > cap:
        raise ValueError(f"an answer of {len(body)} bytes, above the cap of {cap}")
    return _remembered(body) if len(body) <= _SHORT else _canonical(body)


def _canonical(body: bytes) -> bytes:
    try:
        value = json.loads(body)
        canonical = canonical_json(value)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"an answer that is no JSON ({error})") from error
    if canonical != body:
        raise ValueError("an answer that is not canonical JSON")
    if body.count(b"[") + body.count(b"{") > DEPTH_CAP and _depth(value) > DEPTH_CAP:
        raise ValueError(f"an answer more than {DEPTH_CAP} levels deep")
    return body


#: The gates ask the same question of several workers, and most honest answers are equal bytes.
_remembered = functools.lru_cache(maxsize=1_024)(_canonical)


def of_death(death: Death, *, cpu_s: int) -> Answer:
    """Return the answer of a call during which the worker ended by itself."""
    if death.killed:
        return Answer(status=Status.CRASH, detail="closed its result pipe without answering")
    if death.code >= 0:
        return Answer(
            status=Status.CRASH, detail=f"exited with code {death.code} without answering"
        )
    name = _SIGNALS.get(-death.code, f"signal {-death.code}")
    if name == "SIGSYS":
        return Answer(status=Status.VIOLATION, detail="a forbidden system call (SIGSYS)")
    if is_cpu_limit(death, cpu_s=cpu_s):
        return Answer(status=Status.TIMEOUT, detail=f"used more than {cpu_s} s of CPU ({name})")
    if name == "SIGKILL":
        return Answer(status=Status.MEMORY, detail="killed by the kernel (SIGKILL)")
    return Answer(status=Status.CRASH, detail=f"died of {name}")


def is_cpu_limit(death: Death, *, cpu_s: int) -> bool:
    """Return whether the worker died because its CPU seconds were spent."""
    name = _SIGNALS.get(-death.code)
    spent = name == "SIGKILL" and death.cpu_s >= cpu_s
    return not death.killed and (name == "SIGXCPU" or spent)


def crash(error: ValueError) -> Answer:
    """Return the answer of a call that was answered with something unreadable or forged."""
    return Answer(status=Status.CRASH, detail=line(f"sent {error}".encode()))


def line(body: bytes) -> str:
    """Return text from a worker as one capped, printable line."""
    text = " ".join(body[: 4 * DETAIL_CAP].decode("utf-8", "replace").split())
    return "".join(char if char.isprintable() else "?" for char in text[:DETAIL_CAP])


def _depth(value: Any) -> int:
    deepest = 0
    pending = [(value, 1)]
    while pending:
        node, depth = pending.pop()
        if isinstance(node, list | dict):
            deepest = max(deepest, depth)
            parts = node.values() if isinstance(node, dict) else node
            pending += [(part, depth + 1) for part in parts]
    return deepest
