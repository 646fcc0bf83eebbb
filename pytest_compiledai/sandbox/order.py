"""Checks a program before it goes to a worker, and writes the order to load it.

A program is compiled once: its first worker hands the code out before it executes any of it, and
the later ones get that code in place of the source. This process never compiles a program, and to
it the code is a string of bytes.
"""

from __future__ import annotations

import base64
import json
import sys
import threading
from collections.abc import Callable

from pytest_compiledai.core.calls import Limits
from pytest_compiledai.core.calls import Program
from pytest_compiledai.core.errors import SandboxError

#: The kinds of ``inside.capability``, which this side does not import.
CAPABILITY_KINDS = ("call", "clock", "random", "tensors")


#: Programs whose code is kept; gates ask about one at a time.
_KEPT = 32


class Codes:
    """The code of programs that workers compiled, by source and name; the latest are kept."""

    def __init__(self) -> None:
        self._codes: dict[tuple[bytes, str], bytes] = {}
        self._lock = threading.Lock()

    def of(self, program: Program) -> bytes:
        """Return the code of ``program``; empty where no worker has compiled it."""
        return self._codes.get((program.source, program.function), b"")

    def keep(self, program: Program, code: bytes) -> None:
        """Keep what a worker compiled, unless it is empty: too large to be sent."""
        if not code:
            return
        with self._lock:
            self._codes[program.source, program.function] = code
            while len(self._codes) > _KEPT:
                del self._codes[next(iter(self._codes))]


class Order:
    """The order to load one program, each time with what is known of its code by then."""

    def __init__(self, program: Program, limits: Limits, codes: Codes) -> None:
        """Check the program; raises ``SandboxError`` for an unknown grant."""
        self._program = program
        self._codes = codes
        self._facts = _facts(program, limits)

    def body(self) -> tuple[bytes, Callable[[bytes], None] | None]:
        """Return the body of a LOAD frame, and what takes the code where the worker sends it."""
        code = self._codes.of(self._program)
        source = b"" if code else self._program.source
        sent = {"source": _text(source), "code": _text(code)}
        return json.dumps(self._facts | sent).encode(), None if code else self._keep

    def _keep(self, code: bytes) -> None:
        self._codes.keep(self._program, code)


def _facts(program: Program, limits: Limits) -> dict[str, object]:
    for name, facts in sorted(program.capabilities.items()):
        if facts.get("kind") not in CAPABILITY_KINDS:
            raise _unknown(program, f"capability {name} of kind {facts.get('kind')!r}")
    for name in program.modules:
        if name.partition(".")[0] not in sys.stdlib_module_names:
            raise _unknown(program, f"granted module {name!r}")
    return {
        "function": program.function,
        "modules": list(program.modules),
        "capabilities": {name: dict(facts) for name, facts in program.capabilities.items()},
        "files": {name: _text(data) for name, data in sorted(program.files.items())},
        "answer_bytes": limits.answer_bytes,
        "output_bytes": limits.output_bytes,
    }


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _unknown(program: Program, found: str) -> SandboxError:
    return SandboxError(
        where=program.function,
        found=found,
        expected="a module of the standard library, or a capability of kind "
        + ", ".join(CAPABILITY_KINDS),
    )
