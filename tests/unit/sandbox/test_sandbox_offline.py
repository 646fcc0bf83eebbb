"""A process of ours with torch in it: what it sees of the environment, and no network."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pytest_compiledai.core.errors import ToolError
from pytest_compiledai.sandbox.offline import run_module

ROOT = Path(__file__).parents[3]
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the filter is Linux's")
SHUT = """
import socket, subprocess, sys
socket.socket(socket.AF_INET).close()
from pytest_compiledai.sandbox.offline import {name}
{name}()
for family in (socket.AF_INET, socket.AF_INET6):
    try:
        socket.socket(family)
    except PermissionError:
        print("refused")
child = "import socket; socket.socket(socket.AF_INET)"
print(subprocess.run([sys.executable, "-S", "-c", child], stderr=subprocess.DEVNULL).returncode)
"""
ELSEWHERE = """
import platform, socket
platform.machine = lambda: "a machine without a filter"
from pytest_compiledai.sandbox.offline import NotShut, shut, shut_as_far_as_possible
try:
    shut()
except NotShut as error:
    print("strictly:", error)
shut_as_far_as_possible()
try:
    socket.socket().connect(("127.0.0.1", 9))
except PermissionError as error:
    print(error)
"""


def said(code: str) -> list[str]:
    """Return the lines that a program prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@LINUX
@pytest.mark.parametrize("name", ["shut", "shut_as_far_as_possible"])
def test_the_network_is_shut_and_that_is_seen(name):
    """Before, a socket opens; afterwards it does not, in a child process either."""
    assert ["refused", "refused", "1"] == said(SHUT.format(name=name))


def test_without_a_filter_python_s_own_uses_are_refused():
    """Who asks for the filter is told there is none; who does not is left with the hook."""
    strictly, told = said(ELSEWHERE)

    assert strictly.startswith("strictly: no filter for ")
    assert told == "socket.connect: weights are made and run without a network"


def test_a_child_sees_its_job_and_no_secret(tmp_path, monkeypatch):
    """The environment holds what torch needs; a key of the user's stays outside."""
    monkeypatch.setenv("A_KEY", "secret")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "tells.py").write_text(
        "import json, os, sys\n"
        "print(json.dumps([json.load(open(sys.argv[1])), dict(os.environ)]))\n",
        encoding="utf-8",
    )

    ran = run_module("tells", {"op": 1}, tmp_path, timeout_s=60, threads=2, env={"MORE": "1"})
    job, seen = json.loads(ran.out)

    assert job == {"op": 1}
    assert "A_KEY" not in seen
    assert [str(tmp_path), "2", "1", "1"] == [
        *(seen[name] for name in ("HOME", "OMP_NUM_THREADS", "HF_HUB_OFFLINE", "MORE"))
    ]


def test_a_child_without_an_end_is_an_error(tmp_path, monkeypatch):
    """Its time is bounded."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "waits.py").write_text("import time\ntime.sleep(600)\n", encoding="utf-8")

    with pytest.raises(ToolError, match="no end after"):
        run_module("waits", {}, tmp_path, timeout_s=0.2)


PARENT = """
import sys
from pathlib import Path
from pytest_compiledai.sandbox.offline import run_module
run_module("trains", {}, Path(sys.argv[1]), timeout_s=600)
"""
CHILD = """
import os, time
from pathlib import Path
from pytest_compiledai.sandbox.offline import shut_as_far_as_possible
shut_as_far_as_possible()
Path(os.environ["HOME"], "pid.new").write_text(str(os.getpid()))
os.rename("pid.new", "pid")
time.sleep(600)
"""


@LINUX
def test_a_child_ends_with_a_parent_that_is_killed(tmp_path):
    """A run that is killed while it trains leaves nothing that trains on."""
    (tmp_path / "trains.py").write_text(CHILD, encoding="utf-8")
    path = os.pathsep.join((str(tmp_path), str(ROOT)))
    command = [sys.executable, "-c", PARENT, str(tmp_path)]
    with subprocess.Popen(command, env=os.environ | {"PYTHONPATH": path}) as parent:
        until(lambda: (tmp_path / "pid").exists() or parent.poll() is not None)
        child = int((tmp_path / "pid").read_text(encoding="utf-8"))
        parent.kill()

    until(lambda: not lives(child))


def until(holds):
    """Wait for something that comes sooner or later."""
    end = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def lives(pid: int) -> bool:
    """Return whether a process runs; a zombie does not."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2]
        return state.split()[0] not in "ZX"
    return False
