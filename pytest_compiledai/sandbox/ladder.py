"""Opens the strongest sandbox that passes its probes, once per process; never none."""

from __future__ import annotations

import os
import sys
import threading

from pytest_compiledai.core.calls import Sandbox
from pytest_compiledai.core.errors import SandboxError
from pytest_compiledai.sandbox.probes import probe

WANTED = ("auto", "native", "docker")

_lock = threading.Lock()
_opened: dict[int, Sandbox] = {}  # by process: a forked copy of this one needs its own


def open_sandbox(wanted: str) -> Sandbox:
    """Return a sandbox that passed its probes in this process.

    Raises ``SandboxError`` when there is none: generated code is then not executed at all.
    """
    if wanted not in WANTED:
        raise _refused(f"the sandbox {wanted!r}", "one of " + ", ".join(WANTED))
    if wanted == "docker":
        raise _refused("the backend docker, which this version does not have", "native or auto")
    if sys.platform != "linux":
        raise _refused(f"the platform {sys.platform}", "Linux, whose kernel builds the wall")
    with _lock:
        process = os.getpid()
        if process not in _opened:
            _opened[process] = _probed()
        return _opened[process]


def _probed() -> Sandbox:
    from pytest_compiledai.sandbox.native import NativeSandbox  # needs Linux

    sandbox = NativeSandbox()
    failed = probe(sandbox)
    if failed:
        sandbox.close()
        raise SandboxError(
            where="native sandbox",
            found=f"{len(failed)} failed probes: {'; '.join(failed)}",
            expected="a wall that holds every probe and lets the positive control through",
            next="run on Linux 5.13 or later, outside a container that forbids seccomp",
        )
    return sandbox


def _refused(found: str, expected: str) -> SandboxError:
    return SandboxError(
        where="--compile-sandbox",
        found=found,
        expected=expected,
        next="run with --compile-sandbox native on Linux",
    )
