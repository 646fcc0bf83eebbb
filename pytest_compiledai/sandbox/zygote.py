"""The parent's side of a zygote: start it, have it fork workers, learn how they ended."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_compiledai.core.calls import Conditions
from pytest_compiledai.core.calls import Limits
from pytest_compiledai.core.errors import SandboxError
from pytest_compiledai.sandbox.inside.frames import NONCE_BYTES

START_S = 30.0  # a cold disk on a loaded machine; usually 0.1 s
END_S = 5.0

#: Loads the folder ``inside`` by path under a name of its own: the zygote sees the standard
#: library and these files, no installed package.
_BOOT = """
import importlib.util, sys
folder, channel, parent, *granted = sys.argv[1:]
spec = importlib.util.spec_from_file_location(
    "inside", folder + "/__init__.py", submodule_search_locations=[folder])
package = importlib.util.module_from_spec(spec)
sys.modules["inside"] = package
spec.loader.exec_module(package)
from inside.zygote import main
main(int(channel), int(parent), granted)
"""
#: What a Python that was built elsewhere may need to find its libraries; the zygote forgets it.
_PASSED_ON = ("LD_LIBRARY_PATH", "PYTHONHOME")


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """How a worker ended, as the kernel told the zygote."""

    code: int  # exit code, or minus the signal
    killed: bool  # it still lived and was killed on our behalf
    cpu_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Born:
    """A worker's process and this side's ends of its two pipes."""

    pid: int
    command_fd: int
    result_fd: int
    nonce: bytes  # of its first frame


class Zygote:
    """One clean interpreter under fixed conditions; raises ``SandboxError`` when it is gone."""

    def __init__(self, conditions: Conditions, granted: tuple[str, ...]) -> None:
        self._lock = threading.Lock()  # one request and its answer at a time
        self._owner = os.getpid()
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # A name that the next run's store takes away, should this process be killed meanwhile.
        folder = tempfile.mkdtemp(prefix=f"compiledai-run-{os.getpid()}-")
        try:
            with theirs:
                self._process = subprocess.Popen(
                    self._argv(theirs.fileno(), granted),
                    cwd=folder,
                    env=passed_on() | environment(conditions),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                )
            self.landlock = self._ready()
        finally:
            Path(folder).rmdir()

    @staticmethod
    def _argv(channel: int, granted: tuple[str, ...]) -> list[str]:
        folder = Path(__file__).with_name("inside")
        # Not -I or -E: they would ignore PYTHONHASHSEED.
        flags = ["-s", "-S", "-P", "-c", _BOOT]
        return [sys.executable, *flags, str(folder), str(channel), str(os.getpid()), *granted]

    def _ready(self) -> int:
        """Return the Landlock version the zygote found once it is up."""
        self._channel.settimeout(START_S)
        try:
            message = self._channel.recv(1 << 16)
        except OSError as error:
            self.close()
            raise _broken(f"no word from it: {error}") from error
        stream = self._process.stderr
        assert stream is not None
        if not message:
            said = stream.read().decode("utf-8", "replace").strip().splitlines()
            self.close()
            raise _broken(said[-1] if said else "an end before its first word")
        stream.close()
        facts = json.loads(message)
        if "error" in facts:
            self.close()
            raise _broken(facts["error"])
        return int(facts["landlock"])

    def fork(self, limits: Limits, *, zones: bool) -> Born:
        """Return a new worker; it locks itself and then says so in its first frame."""
        return self._born({"cpu_s": limits.cpu_s, "memory_mb": limits.memory_mb}, zones=zones)

    def _born(self, bounds: Mapping[str, Any], *, zones: bool) -> Born:
        command_read, command_write = os.pipe()
        result_read, result_write = os.pipe()
        nonce = secrets.token_bytes(NONCE_BYTES)
        request = {"op": "fork", "limits": bounds, "nonce": nonce.hex(), "zones": zones}
        try:
            pid = self._ask(request, (command_read, result_write))["pid"]
        except BaseException:
            os.close(command_write)
            os.close(result_read)
            raise
        finally:
            os.close(command_read)
            os.close(result_write)
        return Born(pid=pid, command_fd=command_write, result_fd=result_read, nonce=nonce)

    def end(self, pid: int, *, grace_s: float) -> Death:
        """Wait up to ``grace_s`` for a worker's end, then kill it; return how it ended."""
        answer = self._ask({"op": "end", "pid": pid, "grace_s": grace_s})
        return Death(code=answer["code"], killed=answer["killed"], cpu_s=answer["cpu_s"])

    def drop(self, pid: int) -> None:
        """Kill a worker without waiting for its end."""
        with self._lock, contextlib.suppress(OSError):  # a zygote that is gone took it along
            self._channel.send(json.dumps({"op": "drop", "pid": pid}).encode())

    def _ask(self, request: dict[str, Any], descriptors: tuple[int, ...] = ()) -> dict[str, Any]:
        data = json.dumps(request).encode()
        with self._lock:
            try:
                socket.send_fds(self._channel, [data], descriptors)
                answer = self._channel.recv(1 << 16)
            except BaseException as error:
                # Also an interrupt: a later request must not read the answer to this one.
                self._channel.close()
                if isinstance(error, OSError):
                    raise _broken(str(error)) from error
                raise
        if not answer:
            raise _broken("its end")
        found: dict[str, Any] = json.loads(answer)
        if "error" in found:
            raise _broken(found["error"])
        return found

    @property
    def is_alive(self) -> bool:
        """Whether the zygote still runs, as far as this process may know."""
        ours = self._owner == os.getpid() and self._channel.fileno() >= 0
        return ours and self._process.poll() is None

    def close(self) -> None:
        """End the zygote and with it its workers."""
        self._channel.close()
        if self._owner != os.getpid():
            return  # a forked copy of the parent: the zygote is not its own
        if self._process.stderr is not None:
            self._process.stderr.close()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def passed_on() -> dict[str, str]:
    """Return what of this process's environment its Python needs to start."""
    return {name: os.environ[name] for name in _PASSED_ON if name in os.environ}


def environment(conditions: Conditions) -> dict[str, str]:
    """Return the environment that the conditions of a zygote ask for."""
    return {
        "PYTHONHASHSEED": str(conditions.hash_seed),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUTF8": "1",
        "TZ": conditions.timezone,
        "LC_ALL": conditions.locale,
        "LANG": conditions.locale,
    }


def _broken(found: str) -> SandboxError:
    return SandboxError(
        where="native sandbox",
        found=found,
        expected="a zygote that starts and answers",
        next="run on Linux 5.13 or later with Python 3.11 or later, where seccomp is not disabled",
    )
