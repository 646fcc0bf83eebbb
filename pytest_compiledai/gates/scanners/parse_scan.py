"""Which copies parse: one that does not can end an analyser's answer on all the others.

In a process of its own, because a scan runs in a thread and CPython counts the depth of a tree that
it builds for all threads together: two that parse at once fail with a `SystemError` now and then.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pytest_compiledai.core.process import run as run_program
from pytest_compiledai.gates.scanners.copies import Scratch

_MAIN = Path(__file__).with_name("parse_main.py")


def parsed(scratch: Scratch, *, timeout_s: float) -> frozenset[str]:
    """Return the addresses of the copies that parse; raises ``ToolError`` when time runs out.

    A copy that ends the program has not parsed, nor have those that come after it.
    """
    argv = [sys.executable, "-I", str(_MAIN), *(copy.name for copy in scratch.copies)]
    ran = run_program(argv, cwd=scratch.folder, env=scratch.env(), timeout_s=timeout_s)
    names = set(ran.out.decode("utf-8", "replace").splitlines())
    return frozenset(copy.address for copy in scratch.copies if copy.name in names)
