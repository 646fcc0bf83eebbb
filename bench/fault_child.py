"""A pytest plugin for the processes under test of `bench.faults`: the faults from inside.

It counts what a process changes on the disk and strikes at a chosen change, makes the clock jump,
and, where a run is to be short, answers the analysers' scans from a folder in which the campaign
keeps what they once really said. Everything else of a run is as it is.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import pickle
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

from bench import fault_breaks

PLAN = "COMPILEDAI_FAULTS_PLAN"
MEMO = "COMPILEDAI_FAULTS_MEMO"
CHANGES = frozenset(
    {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate"}
)
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


class Changes:
    """Counts the changes below one folder, and strikes at one of them.

    With ``freezing`` the counting begins at the first change in a staging folder: what comes
    before it depends on what the run had to find out.
    """

    def __init__(self, plan: dict[str, Any]) -> None:
        self.below = plan["below"]
        self.at = plan.get("at")  # the number of the change; None: only count
        self.do = plan.get("do")
        self.freezing = plan.get("freezing", False)
        self.lasting = plan.get("lasting", False)
        self.mark = plan.get("mark")  # a file that says that it struck
        self.pid = os.getpid()
        self.count = 0
        self.staging = 0  # the number of the first change in a staging folder

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        """Look at an audit event, before the call that it tells of is made."""
        if not (event in CHANGES or (event == "open" and _is_write(args))):
            return
        whole = _place(event, args)
        if os.getpid() != self.pid or not whole.startswith(self.below):
            return
        self.count += 1
        if not self.staging and "/.next" in whole:
            self.staging = self.count
        if self.at is not None and (not self.freezing or self.staging):
            now = self.count - (self.staging - 1 if self.freezing else 0)
            if now == self.at or (self.lasting and now > self.at):
                self.strike(event)

    def strike(self, event: str) -> None:
        """Kill this process, or refuse the change."""
        if self.mark:
            Path(self.mark).touch()  # outside the folder that is watched
        if self.do == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.do == "ENOSPC" and event in ("os.remove", "os.rmdir"):
            return  # a full disk still lets go of files
        code = getattr(errno, str(self.do))
        raise OSError(code, os.strerror(code))


#: Where an event says which folder its path is relative to.
_FOLDERS = {
    "os.remove": 1,
    "os.rmdir": 1,
    "os.mkdir": 2,
    "os.rename": 2,
    "os.link": 2,
    "os.symlink": 2,
}


def _place(event: str, args: tuple[Any, ...]) -> str:
    """Return the whole path that an event is about; empty for a file that is open already."""
    if not isinstance(args[0], str | bytes | os.PathLike):
        return ""
    path = os.fsdecode(args[0])
    folder = args[_FOLDERS[event]] if event in _FOLDERS else -1
    if folder >= 0:
        path = f"{os.readlink(f'/proc/self/fd/{folder}')}/{path}"  # noqa: PTH115 - no object here
    return os.path.abspath(path)  # noqa: PTH100 - no link may be followed


def _is_write(args: tuple[Any, ...]) -> bool:
    mode, flags = args[1], args[2]
    if isinstance(flags, int) and flags & _WRITES:
        return True
    return isinstance(mode, str) and any(letter in mode for letter in "wax+")


def jump(plan: dict[str, Any]) -> None:
    """Shift the clocks from a chosen reading on; the monotonic one never runs backwards."""
    reads = {"n": 0}

    def shifted(read: Any, by: float) -> Any:
        def clock() -> Any:
            reads["n"] += 1
            now = read()
            return now + type(now)(by) if reads["n"] > plan["at"] else now

        return clock

    time.time = shifted(time.time, plan["wall_s"])
    time.time_ns = shifted(time.time_ns, plan["wall_s"] * 1e9)
    time.monotonic = shifted(time.monotonic, plan["monotonic_s"])


def remember_scans(folder: Path) -> None:
    """Let every set of files be scanned once a campaign."""
    from pytest_compiledai.bench import RunBench
    from pytest_compiledai.gates import tools

    really = tools.scan

    def scan(requests: Any, **options: Any) -> Any:
        asked = sorted((item.source.address, item.mypy) for item in requests)
        path = folder / hashlib.sha256(repr(asked).encode()).hexdigest()
        if not path.exists():
            with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
                file.write(pickle.dumps(really(requests, **options)))
            Path(file.name).replace(path)
        return pickle.loads(path.read_bytes())

    tools.scan = scan
    RunBench._prove = lambda *_: None  # type: ignore[method-assign, assignment]


def pytest_load_initial_conftests() -> None:
    """Install what the environment asks for, before anything of the run is made."""
    if folder := os.environ.get(MEMO):
        remember_scans(Path(folder))
    fault_breaks.plant()
    plan = json.loads(os.environ.get(PLAN, "{}"))
    if os.environ.get("PYTEST_XDIST_WORKER"):
        return
    for changes in plan.get("changes", ()):
        _state.append(Changes(changes))
        sys.addaudithook(_state[-1])
    if "clock" in plan:
        jump(plan["clock"])


_state: list[Changes] = []


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """Write down how many changes there were, where the plan wants to know."""
    plan = json.loads(os.environ.get(PLAN, "{}"))
    if "count" in plan:
        counts = json.dumps([[changes.count, changes.staging] for changes in _state])
        Path(plan["count"]).write_text(counts, encoding="utf-8")
