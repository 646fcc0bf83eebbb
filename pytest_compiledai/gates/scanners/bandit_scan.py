"""Bandit as a subprocess: all tests, all severities, no suppression, no project configuration."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from pytest_compiledai.core.errors import ToolError
from pytest_compiledai.core.process import run as run_program
from pytest_compiledai.gates.scanners.answer import Complaint
from pytest_compiledai.gates.scanners.copies import Scratch
from pytest_compiledai.gates.scanners.report import INSTALL

TOOL = "bandit"
_MAIN = Path(__file__).with_name("bandit_main.py")


def run(scratch: Scratch, *, timeout_s: float) -> Iterator[Complaint]:
    """Yield what Bandit reports; raises ``ToolError`` when it gives no answer."""
    if find_spec(TOOL) is None:
        raise ToolError(where=TOOL, found="no bandit installed", expected=TOOL, next=INSTALL)
    argv = [sys.executable, "-I", str(_MAIN), *(copy.name for copy in scratch.copies)]
    ran = run_program(argv, cwd=scratch.folder, env=scratch.env(), timeout_s=timeout_s)
    try:
        if ran.code:
            raise ValueError(f"exit code {ran.code}")  # noqa: TRY301 - one form for all ends
        for line in ran.out.splitlines():
            name, number, code, text = json.loads(line)
            yield Complaint(name, number, code, text)
    except (ValueError, TypeError) as error:
        said = ran.err[-300:].decode("utf-8", "replace").strip()
        raise ToolError(where=TOOL, found=said or str(error), expected="JSON lines") from error
