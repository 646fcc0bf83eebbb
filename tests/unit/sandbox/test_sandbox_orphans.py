"""No process outlives its parent, however that one ends."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

#: Opens a sandbox with a worker inside an endless call, tells the process ids, and waits.
PARENT = """
import os, sys, threading, time
from pytest_compiledai.core.calls import Limits, Program
from pytest_compiledai.sandbox.native import NativeSandbox
sandbox = NativeSandbox()
busy = sandbox.open(Program(source=b"def f(data):\\n    while True: pass", function="f"),
                    limits=Limits(call_s=60))
idle = sandbox.open(Program(source=b"def f(data): return 1", function="f"))
zygote = next(iter(sandbox._zygotes.values()))
pids = [zygote._process.pid, busy._worker.pid, idle._worker.pid]
threading.Thread(target=busy.call, args=([b"1"],), daemon=True).start()
time.sleep(0.1)
if "fork" in sys.argv:
    copy = os.fork()
    if copy == 0:
        time.sleep(30)
        os._exit(0)
    pids.append(copy)
print(*pids, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def parent(request):
    process = subprocess.Popen(
        [sys.executable, "-c", PARENT, *getattr(request, "param", [])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    yield process
    process.kill()
    process.communicate()


def lives(pid: int) -> bool:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state not in "ZX"
    return False


def survivors(pids: list[int], within_s: float = 2.0) -> list[int]:
    end = time.monotonic() + within_s
    while (left := [pid for pid in pids if lives(pid)]) and time.monotonic() < end:
        time.sleep(0.02)
    return left


def started(parent) -> list[int]:
    pids = [int(word) for word in parent.stdout.readline().split()]
    assert all(map(lives, pids))
    return pids


def test_killed_parent_leaves_no_process(parent) -> None:
    """After SIGKILL of the parent its zygote and its workers are gone within two seconds."""
    pids = started(parent)

    parent.send_signal(signal.SIGKILL)

    assert survivors(pids) == []


@pytest.mark.parametrize("parent", [["fork"]], indirect=True)
def test_forked_copy_of_the_parent_keeps_no_process_alive(parent) -> None:
    """A process forked from the killed parent holds its socket, and the rest ends all the same."""
    *pids, copy = started(parent)

    parent.send_signal(signal.SIGKILL)
    left = survivors(pids)
    os.kill(copy, signal.SIGKILL)

    assert left == []


def test_killed_zygote_leaves_no_worker(parent) -> None:
    """A zygote that is killed takes its workers along, a busy one too."""
    pids = started(parent)

    os.kill(pids[0], signal.SIGKILL)

    assert survivors(pids) == []


def test_parent_that_ends_leaves_no_process(parent) -> None:
    """A parent that ends without closing anything leaves nothing behind."""
    pids = started(parent)

    parent.stdin.close()
    parent.stdin = None
    parent.wait(10)

    assert survivors(pids) == []
