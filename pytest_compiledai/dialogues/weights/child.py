"""One answer of a process of its own, in which torch trains or runs the network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from typing import Final

from pytest_compiledai.core.errors import ToolError
from pytest_compiledai.sandbox.offline import run_module

_INSTALL: Final = 'pip install "pytest-compiledai[weights]"'


def ask(module: str, job: Mapping[str, Any], folder: Path, *, timeout_s: float) -> Any:
    """Run ``python -m module JOB`` in ``folder`` and return what it printed, read as JSON.

    Raises ``ToolError`` where a package is missing, the program fails or its answer is no JSON.
    """
    ran = run_module(module, job, folder, timeout_s=timeout_s, threads=job.get("threads", 1))
    if ran.code != 0:
        told = ran.err.decode("utf-8", "replace").strip().splitlines()
        last = told[-1][:300] if told else f"exit code {ran.code}"
        missing = "ModuleNotFoundError" in last
        raise ToolError(
            where=module,
            found=last,
            expected="an answer",
            next=_INSTALL if missing else "",
        )
    try:
        return json.loads(ran.out)
    except ValueError:
        raise ToolError(where=module, found="output that is no JSON", expected="JSON") from None
