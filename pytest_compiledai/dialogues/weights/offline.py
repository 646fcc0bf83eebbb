"""A process of ours with torch in it: clean environment, no network, one answer as JSON.

Torch never enters a pytest process: importing it costs seconds and threads, and a crash of it would
take the run along.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from typing import Final

from pytest_compiledai.core.errors import ToolError
from pytest_compiledai.core.process import run

#: What a child may see of this process's environment.
_KEPT: Final = ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH", "PYTHONPATH", "VIRTUAL_ENV")
_NETWORK: Final = ("socket.connect", "socket.getaddrinfo", "socket.bind", "socket.sendto")
_INSTALL: Final = 'pip install "pytest-compiledai[weights]"'


def ask(module: str, job: Mapping[str, Any], folder: Path, *, timeout_s: float) -> Any:
    """Run ``python -m module JOB`` in ``folder`` and return what it printed, read as JSON.

    Raises ``ToolError`` where a package is missing, the program fails or its answer is no JSON.
    """
    file = folder / f"{module.rpartition('.')[2]}.job.json"
    file.write_text(json.dumps(job), encoding="utf-8", newline="\n")
    threads = str(job.get("threads", 1))
    env = {key: os.environ[key] for key in _KEPT if key in os.environ}
    env |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), threads)
    env |= dict.fromkeys(("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "RAYON_NUM_THREADS"), "1")
    env |= {"TOKENIZERS_PARALLELISM": "false", "PYTHONHASHSEED": "0", "HOME": str(folder)}
    ran = run([sys.executable, "-m", module, str(file)], cwd=folder, env=env, timeout_s=timeout_s)
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


def no_network() -> None:
    """Make every use of a network in this process an error, for good."""

    def refuse(event: str, _args: object) -> None:
        if event in _NETWORK:
            raise PermissionError(f"{event}: weights are made and run without a network")

    sys.addaudithook(refuse)
