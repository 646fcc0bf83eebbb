"""A real cluster on this machine."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ENVIRON = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}


@pytest.fixture
def cluster(tmp_path_factory) -> Iterator[str]:
    """The address of a dask scheduler on this machine, with two workers in processes.

    For one test at a time: idle, its three processes take a tenth of a processor.
    """
    if importlib.util.find_spec("distributed") is None:
        pytest.skip("needs the extra `dask`")
    folder = tmp_path_factory.mktemp("cluster")
    told = folder / "scheduler.json"
    here = ["--host", "127.0.0.1", "--no-dashboard", "--scheduler-file", str(told)]
    worker = ["--no-nanny", "--nthreads", "1", "--local-directory", str(folder)]
    programs = [["scheduler", "--port", "0"], ["worker", *worker], ["worker", *worker]]
    with (folder / "log").open("wb") as log:
        started = [
            subprocess.Popen(
                [sys.executable, "-m", "dask", *program, *here],
                env=ENVIRON,
                stdout=log,
                stderr=log,
            )
            for program in programs
        ]
    try:
        yield _address(told, folder / "log")
    finally:
        # Asked to end, a worker may wait half a minute for a scheduler that is gone.
        for child in started:
            child.kill()
        for child in started:
            child.wait()


def _address(told: Path, log: Path) -> str:
    """Return the scheduler's address once both workers have come."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if told.exists() and log.read_text(encoding="utf-8").count("Registered to") >= 2:
            return json.loads(told.read_text(encoding="utf-8"))["address"]
        time.sleep(0.1)
    raise AssertionError(log.read_text(encoding="utf-8"))
