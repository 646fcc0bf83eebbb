"""One run of pytest for `bench.faults`: started, watched, ended, and what it left behind in /proc.

A short run is a fork of a process that has imported everything: what it does is what a run of its
own does, without paying for the imports. A whole run is `python -m pytest`. The campaign's process
adopts orphans (`PR_SET_CHILD_SUBREAPER`), so a process that outlives its run is a child of ours.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any

import pytest

from bench.fault_child import MEMO
from bench.fault_child import PLAN

ROOT = Path(__file__).parents[1]
LONGEST_S = 120.0
ORPHANS_S = 20.0  # what a killed run started may take this long to notice
_SUBREAPER = 36
_NEWNS = 0x20000


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The folders of one run."""

    root: Path  # the project
    temp: Path  # its folder for temporary files
    log: Path
    memo: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How a run is started."""

    arguments: tuple[str, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict)
    plan: Mapping[str, Any] = field(default_factory=dict)  # the faults from inside
    whole: bool = False


@dataclass(slots=True, kw_only=True)
class Run:
    """A run of pytest on its way."""

    pid: int
    code: int | None = None

    def wait(self, timeout_s: float) -> bool:
        """Return whether the run ended in time; its exit code is then known."""
        end = time.monotonic() + timeout_s
        while self.code is None and time.monotonic() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
                return True
            time.sleep(0.005)
        return self.code is not None

    def finish(self, longest_s: float = LONGEST_S) -> bool:
        """Wait for the end; False for a run that had to be killed because it did not come."""
        if self.wait(longest_s):
            return True
        self.send(signal.SIGKILL)
        self.wait(LONGEST_S)
        return False

    def send(self, number: int) -> None:
        """Send a signal to the run's first process."""
        if self.code is None:
            os.kill(self.pid, number)


def start(place: Place, asked: Asked) -> Run:
    """Start a run."""
    # The faults strike zygotes and workers of this machine; a container has tests of its own.
    arguments = ["--compile", "specs", "--compile-sandbox", "native", "-q"]
    arguments += ["-p", "no:randomly", "-p", "no:cacheprovider"]
    arguments += ["-p", "bench.fault_child", *asked.arguments]
    environ = {
        **{k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")},  # an outer run's
        "PYTHONPATH": str(ROOT),
        "TMPDIR": str(place.temp),
        PLAN: json.dumps(dict(asked.plan)),
        **({} if asked.whole else {MEMO: str(place.memo)}),
        **asked.environ,
    }
    if asked.whole:
        with place.log.open("ab") as log:
            child = subprocess.Popen(
                [sys.executable, "-m", "pytest", *arguments],
                cwd=place.root,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        child.returncode = 0  # `Run` waits for it
        return Run(pid=child.pid)
    pid = os.fork()
    if pid == 0:
        _inside(place, arguments, environ)
    return Run(pid=pid)


def _inside(place: Place, arguments: list[str], environ: dict[str, str]) -> None:
    """Be a run of pytest from here on."""
    code = 70
    try:
        atexit._clear()
        os.setsid()
        os.environ.clear()
        os.environ.update(environ)
        os.chdir(place.root)
        tempfile.tempdir = None
        log = os.open(place.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        code = int(pytest.main(arguments))
    except KeyboardInterrupt:
        code = 130
    except BaseException:  # noqa: BLE001 - a fork may not return into the campaign's code
        traceback.print_exc()
    finally:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        os._exit(code)


def become_subreaper() -> None:
    """Adopt what the runs leave behind, in a mount namespace of our own where that is allowed."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")
    if os.geteuid() == 0 and libc.unshare(_NEWNS) == 0:
        mount("--make-rprivate", "/")


def orphans(kept: set[int], within_s: float = ORPHANS_S) -> list[str]:
    """Return the command lines of processes that outlive their run; they are ended then."""
    end = time.monotonic() + within_s
    while left := _children() - kept:
        for pid in left:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        if time.monotonic() > end:
            return [_ended(pid) for pid in sorted(left)]
        time.sleep(0.02)
    return []


def _ended(pid: int) -> str:
    shown = " ".join(command_of(pid))[:200]
    with contextlib.suppress(OSError):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return f"process {pid} outlived its run: {shown}"


def _children() -> set[int]:
    return {pid for pid, parent in _parents() if parent == os.getpid()}


def below(pid: int) -> list[int]:
    """Return the processes that ``pid`` started, and those that these started."""
    parents = dict(_parents())
    found, new = [], [pid]
    while new:
        new = [child for child, parent in parents.items() if parent in new]
        found += new
    return found


def _parents() -> Iterator[tuple[int, int]]:
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):
                text = Path(f"/proc/{entry.name}/stat").read_text(encoding="latin-1")
                yield int(entry.name), int(text.rpartition(")")[2].split()[1])


def command_of(pid: int) -> list[str]:
    """Return a process's command line; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")
    except OSError:
        return []


def mount(*arguments: str) -> bool:
    """Run `mount`; False where this machine does not let us."""
    tool = shutil.which("mount")
    if tool is None or os.geteuid() != 0:
        return False
    return subprocess.run([tool, *arguments], capture_output=True, check=False).returncode == 0


def unmount(folder: Path) -> None:
    """Take a small disk away again."""
    subprocess.run(["umount", "-l", str(folder)], capture_output=True, check=False)
