"""Captures in a process of its own, so that torch and a user's builder stay out of pytest's."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from pytest_compiledai.core.errors import ToolError
from pytest_compiledai.core.process import run

if TYPE_CHECKING:
    from pytest_compiledai.kernels.spec import ModelSpec

_PACKAGE = "pytest_compiledai.kernels.capture"
#: What a child needs to find programs; no key of the user's, and no way to a model hub.
_KEPT = ("PATH", "LD_LIBRARY_PATH", "TMPDIR", "SYSTEMROOT")


def captured(spec: ModelSpec) -> bytes:
    """Return the text of the plan of ``spec``. Raises ``ToolError``."""
    builder = spec.builder
    order = {
        "config": spec.config,
        "path": builder.path if builder else "",
        "function": builder.function if builder else "",
        "text": builder.text if builder else "",
        "context": spec.context,
        "dtype": spec.dtype,
        "made_from": spec.captured,
    }
    return _captured(spec.path, json.dumps(order, sort_keys=True), spec.timeout_s)


@lru_cache(maxsize=4)  # proposed, then judged, in one process
def _captured(where: str, order: str, timeout_s: float) -> bytes:
    return ask("main", order, where=where, timeout_s=timeout_s)


def ask(module: str, order: str, *, where: str, timeout_s: float) -> bytes:
    """Return what a module of the capture package prints for an order. Raises ``ToolError``."""
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder, "order.json")
        text.write_text(order, encoding="utf-8")
        argv = [sys.executable, "-P", "-W", "ignore", "-m", f"{_PACKAGE}.{module}", str(text)]
        ran = run(argv, cwd=Path(folder), env=_environment(folder), timeout_s=timeout_s)
    if ran.code != 0:
        said = ran.err.decode("utf-8", "replace").strip().splitlines() or ["nothing said"]
        raise ToolError(
            where=where,
            found=said[-1][:500],
            expected="a model that torch.export can capture",
            next="pip install 'pytest-compiledai[kernels]', then mend what the message names",
        )
    return ran.out


def asked(module: str, order: Mapping[str, Any], *, where: str, timeout_s: float) -> Any:
    """Return the JSON that a module of the capture package prints. Raises ``ToolError``."""
    out = ask(module, json.dumps(order, sort_keys=True), where=where, timeout_s=timeout_s)
    try:
        return json.loads(out)
    except ValueError as error:
        raise ToolError(where=where, found="no JSON", expected="an answer of ours") from error


def _environment(folder: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return kept | {"HOME": folder, "LC_ALL": "C.UTF-8", "HF_HUB_OFFLINE": "1"}
