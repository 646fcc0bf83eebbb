"""The zygote: a clean interpreter with everything preloaded, which forks locked workers.

It never sees generated code. It ends when its parent ends, and its workers end with it.
"""

from __future__ import annotations

import contextlib
import gc
import json
import locale
import os
import select
import signal
import socket
import time
from collections.abc import Callable
from typing import Any

from .lockdown import Wall
from .modules import preload
from .modules import preload_zones
from .worker import live

#: How often a quiet zygote looks whether its parent still lives. The closing socket tells the
#: same at once, unless a process forked from the parent still holds a copy of it.
WATCH_MS = 500
#: Locks the process and serves one parent: wall, descriptors, parent, limits, first nonce.
Live = Callable[[Wall, tuple[int, int], int, dict[str, Any], bytes], Any]
_KEPT_ENVIRONMENT = ("PYTHONHASHSEED", "TZ", "LC_ALL", "LANG")


class Zygote:
    """Serves one parent over one socket: fork, end, drop."""

    def __init__(self, channel: socket.socket, parent: int, wall: Wall, live: Live) -> None:
        self.live = live
        self.channel = channel
        self.parent = parent
        self.wall = wall
        self.workers: set[int] = set()
        self.dropped: set[int] = set()
        self.zones: list[object] = []

    def serve(self) -> None:
        """Answer requests until the parent is gone; then end every worker."""
        poll = select.poll()
        poll.register(self.channel, select.POLLIN)
        try:
            while os.getppid() == self.parent:
                ready = poll.poll(WATCH_MS)
                self._reap()
                if ready and not self._one():
                    break
        finally:
            for pid in self.workers | self.dropped:
                _kill(pid)

    def _one(self) -> bool:
        message, descriptors, _, _ = socket.recv_fds(self.channel, 1 << 16, 2)
        if not message:
            return False
        request = json.loads(message)
        if request["op"] == "drop":
            self._drop(request["pid"])
            return True
        if request["op"] == "fork":
            answer = self._fork(request, (descriptors[0], descriptors[1]))
        else:
            answer = self._end(request["pid"], request["grace_s"])
        self.channel.send(json.dumps(answer).encode())
        return True

    def _fork(self, request: dict[str, Any], keep: tuple[int, int]) -> dict[str, Any]:
        if request["zones"] and not self.zones:
            self.zones = preload_zones()
        parent = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            return {"error": str(error)}
        finally:
            if os.getpid() == parent:
                for number in keep:
                    os.close(number)
        if pid == 0:
            try:
                self.live(
                    self.wall, keep, parent, request["limits"], bytes.fromhex(request["nonce"])
                )
            finally:  # never back into the loop of the zygote
                os._exit(1)
        self.workers.add(pid)
        return {"pid": pid}

    def _end(self, pid: int, grace_s: float) -> dict[str, Any]:
        """Wait a moment for a worker to end, kill it if it does not, and say how it ended."""
        end = time.monotonic() + grace_s
        while not (gone := _ended(pid)) and time.monotonic() < end:
            time.sleep(0.0005)
        if not gone:
            _kill(pid)
        _, status, usage = os.wait4(pid, 0)
        self.workers.discard(pid)
        return {
            "code": os.waitstatus_to_exitcode(status),
            "killed": not gone,
            "cpu_s": usage.ru_utime + usage.ru_stime,
        }

    def _drop(self, pid: int) -> None:
        if pid in self.workers:
            self.workers.discard(pid)
            self.dropped.add(pid)
            _kill(pid)

    def _reap(self) -> None:
        for pid in list(self.dropped):
            if os.waitpid(pid, os.WNOHANG)[0]:
                self.dropped.discard(pid)


def _ended(pid: int) -> bool:
    # WNOWAIT leaves the process unreaped, so its number cannot be given to another one.
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)  # unreaped, so the number is still its own
    with contextlib.suppress(ProcessLookupError):  # not a group leader yet, or already gone
        os.killpg(pid, signal.SIGKILL)


def main(
    number: int,
    parent: int,
    granted: list[str],
    prepare: Callable[[list[str]], object] = preload,
    live: Live = live,
) -> None:
    """Become a zygote that serves the socket ``number`` of the process ``parent``.

    ``prepare`` loads what workers need before the wall stands, ``live`` is a worker's whole life.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    for name in set(os.environ) - set(_KEPT_ENVIRONMENT):
        del os.environ[name]
    with contextlib.suppress(locale.Error):  # unknown here: stays C
        locale.setlocale(locale.LC_ALL, "")
    time.localtime()  # the C library reads its time zone once
    channel = socket.socket(fileno=number)
    try:
        prepare(granted)
        wall = Wall()
    except OSError as error:
        channel.send(json.dumps({"error": str(error)}).encode())
        return
    gc.collect()
    gc.freeze()
    channel.send(json.dumps({"landlock": wall.landlock}).encode())
    Zygote(channel, parent, wall, live).serve()
