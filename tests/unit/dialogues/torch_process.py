"""One process with torch for the jobs of many tests: importing it takes longer than they do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_compiledai.core.process import Ran
from pytest_compiledai.sandbox import offline

#: Runs the programs of production as they are, their output told line by line.
_LOOP = """
import contextlib, importlib, io, json, sys, traceback
lines, told = iter(sys.stdin.readline, ""), sys.stdout
for line in lines:
    module, file = json.loads(line)
    out, err, code = io.StringIO(), "", 0
    try:
        with contextlib.redirect_stdout(out):
            importlib.import_module(module).main(file)
    except BaseException:
        err, code = traceback.format_exc(), 1
    print(json.dumps([code, out.getvalue(), err]), file=told, flush=True)
"""


class TorchProcess:
    """Takes the place of ``offline.run_module``; it starts with the first job."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[str] | None = None

    def run_module(
        self, module: str, job: Mapping[str, Any], folder: Path, **_settings: Any
    ) -> Ran:
        """Run a module's ``main`` on a job, as ``offline.run_module`` does."""
        if self.process is None:
            kept = {name: os.environ[name] for name in offline._KEPT if name in os.environ}
            self.process = subprocess.Popen(
                [sys.executable, "-c", _LOOP],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=self.folder,
                env=kept | offline._SET | {"OMP_NUM_THREADS": "1", "HOME": str(self.folder)},
            )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        file = folder / f"{module.rpartition('.')[2]}.job.json"
        file.write_text(json.dumps(job), encoding="utf-8")
        self.process.stdin.write(f"{json.dumps([module, str(file)])}\n")
        self.process.stdin.flush()
        code, out, err = json.loads(self.process.stdout.readline())
        return Ran(code=code, out=out.encode(), err=err.encode())

    def close(self) -> None:
        """End the process, where it has begun."""
        if self.process is not None:
            self.process.communicate()
