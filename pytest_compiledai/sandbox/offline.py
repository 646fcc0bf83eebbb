"""A process of ours with torch in it: a small environment, a job as JSON, the network shut.

Torch never enters a pytest process: importing it costs seconds and threads, and a crash of it would
take the run along. This is no wall for generated code: a seccomp filter refuses every socket but
local ones, and the files of the machine stay readable, for Python, torch and compilers need them.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import platform
import signal
import socket
import struct
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from typing import Final

from pytest_compiledai.core.process import Ran
from pytest_compiledai.core.process import run

#: What a child may see of this process's environment.
_KEPT: Final = (*("PATH", "LANG", "LD_LIBRARY_PATH", "PYTHONPATH", "SYSTEMROOT", "VIRTUAL_ENV"),)
#: No hub, no telemetry, the same bits each time.
_SET: Final = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "RAYON_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
}
_NETWORK: Final = ("socket.connect", "socket.getaddrinfo", "socket.bind", "socket.sendto")
_PARENT: Final = "COMPILEDAI_PARENT"  # in the environment: the process that started this one
_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _FILTER = 1, 22, 38, 2
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x80000000
_NUMBER, _ARCH, _FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data
_X32 = 0x40000000
#: By machine: AUDIT_ARCH_*, the numbers of socket and of io_uring_setup.
_MACHINES = {"x86_64": (0xC000003E, 41, 425), "aarch64": (0xC00000B7, 198, 425)}


class NotShut(OSError):
    """The network could not be shut, or was seen open afterwards."""


def run_module(
    module: str,
    job: Mapping[str, Any],
    folder: Path,
    *,
    timeout_s: float,
    threads: int = 1,
    env: Mapping[str, str] | None = None,
) -> Ran:
    """Run ``python -m module JOB.json`` in ``folder`` and return what it left behind.

    The module shuts the network itself, before anything else; on Linux it ends with this process,
    even where that is killed. Raises ``ToolError`` where it does not end within ``timeout_s``.
    """
    file = folder / f"{module.rpartition('.')[2]}.job.json"
    file.write_text(json.dumps(job), encoding="utf-8", newline="\n")
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    kept |= _SET | dict.fromkeys(("HOME", "TMPDIR"), str(folder))
    kept |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    kept |= {"TORCHINDUCTOR_CACHE_DIR": str(folder / "inductor"), _PARENT: str(os.getpid())}
    kept |= env or {}
    return run([sys.executable, "-m", module, str(file)], cwd=folder, env=kept, timeout_s=timeout_s)


def shut_as_far_as_possible() -> None:
    """Refuse Python's uses of a network from here on; every socket where there is a filter.

    Raises ``NotShut`` where the filter does not hold.
    """

    def refuse(event: str, _args: object) -> None:
        if event in _NETWORK:
            raise PermissionError(f"{event}: weights are made and run without a network")

    end_with_parent()
    sys.addaudithook(refuse)
    if _machine() is not None:
        shut()


def end_with_parent() -> None:
    """Let the kernel end this process with the one that started it; on Linux, elsewhere nothing.

    What nobody waits for would train on for minutes. It is the starting thread whose end counts,
    and that one waits for this process.
    """
    parent = os.environ.get(_PARENT)
    if platform.system() != "Linux" or parent is None:
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != int(parent):  # it ended before the kernel was told
        os._exit(1)


def shut() -> None:
    """Refuse sockets from here on. Raises ``NotShut`` where that cannot be shown."""
    machine = _machine()
    if machine is None:
        raise NotShut(f"no filter for {platform.system()} on {platform.machine()}")
    arch, number, ring = machine
    steps = [
        (_LOAD, 0, 0, _ARCH),
        (_EQUAL, 1, 0, arch),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _X32),
        (_RETURN, 0, 0, _KILL),
        (_EQUAL, 0, 1, ring),
        (_RETURN, 0, 0, _REFUSE),
        (_EQUAL, 0, 3, number),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_EQUAL, 1, 0, socket.AF_UNIX),
        (_RETURN, 0, 0, _REFUSE),
        (_RETURN, 0, 0, _ALLOW),
    ]
    code = b"".join(struct.pack("=HBBI", *step) for step in steps)
    buffer = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("=HxxxxxxQ", len(steps), ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    holder = ctypes.create_string_buffer(program, len(program))
    for option, value, pointer in (
        (_PR_SET_NO_NEW_PRIVS, 1, 0),
        (_PR_SET_SECCOMP, _FILTER, ctypes.addressof(holder)),
    ):
        if libc.prctl(option, ctypes.c_ulong(value), ctypes.c_ulong(pointer), 0, 0) != 0:
            number = ctypes.get_errno()
            raise NotShut(number, f"prctl {option}: {os.strerror(number)}")
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM).close()
    except PermissionError:
        return
    raise NotShut("a socket was opened after the network was shut")


def _machine() -> tuple[int, int, int] | None:
    return _MACHINES.get(platform.machine()) if platform.system() == "Linux" else None
