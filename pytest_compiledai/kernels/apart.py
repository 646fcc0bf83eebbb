"""The process that draws inputs, computes references and compares: torch is there, not in pytest's.

One is kept for each process of a run, because loading torch takes seconds. It is sent contracts
and candidates and answers in JSON; whatever bytes a candidate wrote are read there.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import pickle
import select
import struct
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any
from typing import Final

from pytest_compiledai.core.errors import SandboxError
from pytest_compiledai.core.errors import ToolError
from pytest_compiledai.sandbox.zygote import passed_on

LENGTH: Final = struct.Struct(">Q")
#: Every case of every dtype; each call of a kernel has a limit of its own.
LIMIT_S: Final = 1200.0
_MOST_BYTES: Final = 1 << 24  # of one answer
_TOLD: Final = 300  # characters of what a process said before it ended


class FailedError(Exception):
    """The question could not be answered; the text says why, in the words of the process."""


class Apart:
    """One process that answers questions, started by the first."""

    def __init__(self) -> None:
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process lives
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "pytest_compiledai.kernels.answering"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env=passed_on(),
            start_new_session=True,
        )

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.poll() is None

    def ask(self, question: str, *arguments: Any, limit_s: float = LIMIT_S) -> Any:
        """Return the answer. Raises ``FailedError``, ``SandboxError`` and ``ToolError``."""
        assert self._process.stdin is not None
        body = pickle.dumps((question, arguments))
        try:
            self._process.stdin.write(LENGTH.pack(len(body)) + body)
            self._process.stdin.flush()
            deadline = time.monotonic() + limit_s
            answer = json.loads(self._frame(deadline))
        except (OSError, ValueError) as error:
            told = self._ended(question, str(error))
            self.close()
            raise told from error
        return _opened(answer)

    def _frame(self, deadline: float) -> bytes:
        (size,) = LENGTH.unpack(self._read(LENGTH.size, deadline))
        if size > _MOST_BYTES:
            raise OSError(f"an answer of {size} bytes")
        return self._read(size, deadline)

    def _read(self, count: int, deadline: float) -> bytes:
        assert self._process.stdout is not None
        pipe, data = self._process.stdout.fileno(), b""
        while len(data) < count:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([pipe], [], [], left)[0]:
                raise OSError("no answer in time")
            part = os.read(pipe, count - len(data))
            if not part:
                raise OSError("no more answers")
            data += part
        return data

    def _ended(self, question: str, why: str) -> ToolError:
        self._said.seek(0)
        said = self._said.read().decode("utf-8", "replace").strip()[-_TOLD:]
        return ToolError(
            where=f"{question} of a kernel",
            found=f"{why}: {said}" if said else why,
            expected="a process with torch that answers",
            next="pip install 'pytest-compiledai[kernels]'",
        )

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._said):
            if stream is not None:
                with contextlib.suppress(OSError):  # what it was not sent is lost anyway
                    stream.close()


def _opened(answer: Any) -> Any:
    match answer:
        case {"value": value}:
            return value
        case {"sandbox": told}:
            raise SandboxError(**told)
        case {"tool": told}:
            raise ToolError(**told)
        case {"failed": str(told)}:
            raise FailedError(told)
    raise ToolError(where="a kernel's process", found=str(answer)[:_TOLD], expected="an answer")


_HELD: dict[int, Apart] = {}
_LOCK = threading.Lock()  # one question at a time, and one process


def ask(question: str, *arguments: Any) -> Any:
    """Return the answer of this process's own; raises what ``Apart.ask`` raises."""
    with _LOCK:
        held = _HELD.get(os.getpid())
        if held is None or not held.is_alive:
            held = _HELD[os.getpid()] = Apart()
            atexit.register(held.close)
        return held.ask(question, *arguments)
