"""Ruff as a subprocess, with one configuration of ours and no suppression comment obeyed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pytest_compiledai.core.errors import ToolError
from pytest_compiledai.core.process import run as run_program
from pytest_compiledai.gates.scanners.answer import Complaint
from pytest_compiledai.gates.scanners.copies import Scratch
from pytest_compiledai.gates.scanners.programs import find
from pytest_compiledai.gates.scanners.report import INSTALL


def run(scratch: Scratch, *, config: Path, timeout_s: float) -> Iterator[Complaint]:
    """Yield what Ruff reports under ``config``; raises ``ToolError`` when it gives no answer."""
    program = find("ruff")
    if program is None:
        raise ToolError(where="ruff", found="no ruff installed", expected="ruff", next=INSTALL)
    # A configuration that is named replaces every one that would be discovered.
    argv = [program, "check", "--config", str(config), "--no-cache", "--ignore-noqa", "--no-fix"]
    argv += ["--output-format", "json", "--quiet", "--force-exclude"]
    argv += [copy.name for copy in scratch.copies]
    ran = run_program(argv, cwd=scratch.folder, env=scratch.env(), timeout_s=timeout_s)
    try:
        rows: list[dict[str, Any]] = json.loads(ran.out) if ran.code in {0, 1} else [{}]
        for row in rows:
            line = row["location"]["row"]
            yield Complaint(row["filename"], line, row["code"] or "syntax", row["message"])
    except (ValueError, KeyError, TypeError) as error:
        found = f"exit code {ran.code}: {ran.err[-300:].decode('utf-8', 'replace').strip()}"
        raise ToolError(where="ruff", found=found, expected="a JSON report") from error
