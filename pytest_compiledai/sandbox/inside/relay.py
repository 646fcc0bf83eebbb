"""The first process of a container: starts zygotes, carries their workers' pipes over one stream.

It sees bytes and never generated code. It ends when its standard input ends, and as it is the
first process of its container, the kernel then ends every other one.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from .mux import WINDOW
from .mux import Cutter
from .mux import Op
from .mux import pack

_READ_BYTES = 1 << 18
_REAP_MS = 1000
_IN, _OUT = 0x1, 0x4  # select.POLLIN, select.POLLOUT: Linux only, as this file's process


class Relay:
    """Serves one asking side over its standard input and output."""

    def __init__(self, boot: str, bundle: bytes) -> None:
        self.boot = boot
        self.bundle = bundle  # the sources of this folder, handed on to each zygote
        self.cutter = Cutter()
        self.zygotes: dict[int, socket.socket] = {}
        self.pipes: dict[int, Pipes] = {}
        self.poll = select.poll()
        self.on_event: dict[int, Callable[[], None]] = {}

    def serve(self) -> None:
        """Carry frames until standard input ends."""
        self.poll.register(0, _IN)
        self.tell(Op.HELLO, 0, json.dumps({"python": sys.version_info[:2]}).encode())
        while True:
            for number, _ in self.poll.poll(_REAP_MS):
                if number == 0:
                    data = os.read(0, _READ_BYTES)
                    if not data:
                        return
                    for frame in self.cutter.cut(data):
                        self._take(*frame)
                elif number in self.on_event:  # not closed by an event before this one
                    self.on_event[number]()
            _reap()

    def tell(self, op: int, number: int, body: bytes = b"") -> None:
        """Send one frame."""
        data = memoryview(pack(op, number, body))
        while data:
            data = data[os.write(1, data) :]

    def _take(self, op: int, number: int, body: bytes) -> None:
        if op == Op.DATA:
            if number in self.pipes:
                self.pipes[number].out += body
                self._push(self.pipes[number])
        elif op == Op.CREDIT:
            if number in self.pipes:
                self._grant(self.pipes[number], int(body))
        elif op == Op.CLOSE:
            self._close(number)
        elif op == Op.START:
            self._start(number, json.loads(body))
        elif op == Op.ASK:
            self._ask(number, json.loads(body))
        elif op == Op.CPU:
            self.tell(Op.CPU, number, _cpu_ns(int(body)))

    def _start(self, number: int, wanted: dict[str, Any]) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        flags = ["-s", "-S", "-P", "-c", self.boot, "zygote"]
        with theirs:
            process = subprocess.Popen(
                [
                    sys.executable,
                    *flags,
                    str(theirs.fileno()),
                    str(os.getpid()),
                    *wanted["granted"],
                ],
                env=os.environ | wanted["environment"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
            )
        assert process.stdin is not None
        with process.stdin as stream:
            stream.write(self.bundle)
        self.zygotes[number] = ours
        self._listen(ours.fileno(), lambda: self._hear(number))

    def _hear(self, number: int) -> None:
        channel = self.zygotes[number]
        message = channel.recv(1 << 16)
        if message:
            self.tell(Op.ANSWER, number, message)
            return
        self._deaf(channel.fileno())
        channel.close()
        del self.zygotes[number]
        self.tell(Op.GONE, number)

    def _ask(self, number: int, request: dict[str, Any]) -> None:
        channel = self.zygotes.get(number)
        if channel is None:
            self.tell(Op.GONE, number)
            return
        pipes = None
        if request["op"] == "fork":
            pipes = Pipes(request.pop("pipes"))
        data = json.dumps(request).encode()
        try:
            socket.send_fds(channel, [data], pipes.theirs if pipes else ())
        except OSError:
            return  # its end is heard of as well
        finally:
            if pipes:
                for descriptor in pipes.theirs:
                    os.close(descriptor)
        if pipes:
            self.pipes[pipes.number] = pipes
            self._listen(pipes.result, lambda: self._pull(pipes))

    def _pull(self, pipes: Pipes) -> None:
        data = os.read(pipes.result, min(_READ_BYTES, pipes.credit))
        if not data:
            self._deaf(pipes.result)
            self.tell(Op.END, pipes.number)
            return
        pipes.credit -= len(data)
        self.tell(Op.DATA, pipes.number, data)
        if not pipes.credit:
            self._deaf(pipes.result)

    def _grant(self, pipes: Pipes, taken: int) -> None:
        if not pipes.credit:
            self._listen(pipes.result, lambda: self._pull(pipes))
        pipes.credit += taken

    def _push(self, pipes: Pipes) -> None:
        """Write what the pipe takes now; the rest goes out when it takes more."""
        try:
            sent = os.write(pipes.command, pipes.out)
        except BlockingIOError:
            sent = 0
        except BrokenPipeError:
            sent = len(pipes.out)  # the result pipe tells that the worker is gone
        del pipes.out[:sent]
        if pipes.out and pipes.command not in self.on_event:
            self._listen(pipes.command, lambda: self._push(pipes), _OUT)
        elif not pipes.out:
            self._deaf(pipes.command)

    def _close(self, number: int) -> None:
        zygote = self.zygotes.pop(number, None)
        if zygote is not None:
            self._deaf(zygote.fileno())
            zygote.close()
        pipes = self.pipes.pop(number, None)
        if pipes is None:
            return
        self._deaf(pipes.command)
        self._deaf(pipes.result)
        os.close(pipes.command)
        os.close(pipes.result)

    def _listen(self, descriptor: int, act: Callable[[], None], event: int = _IN) -> None:
        self.on_event[descriptor] = act
        self.poll.register(descriptor, event)

    def _deaf(self, descriptor: int) -> None:
        if self.on_event.pop(descriptor, None):
            self.poll.unregister(descriptor)


class Pipes:
    """This side's ends of one worker's two pipes; ``theirs`` go to the zygote."""

    def __init__(self, number: int) -> None:
        self.number = number
        command_read, self.command = os.pipe()
        self.result, result_write = os.pipe()
        self.theirs = (command_read, result_write)
        os.set_blocking(self.command, False)
        self.out = bytearray()
        self.credit = WINDOW


def _cpu_ns(pid: int) -> bytes:
    try:
        return str(time.clock_gettime_ns((~pid << 3) | 2)).encode()  # clock_getcpuclockid
    except OSError:
        return b""


def _reap() -> None:
    """Collect the ended: zygotes, and workers whose zygote ended before them."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def main(boot: str, bundle: bytes) -> None:
    """Serve until standard input ends; SIGTERM, else ignored by a first process, ends it too."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    Relay(boot, bundle).serve()
