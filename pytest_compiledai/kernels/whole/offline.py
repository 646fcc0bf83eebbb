"""Shuts the network for this process and its children, and shows that it is shut.

A seccomp filter refuses every socket but local ones. The files of the machine stay readable, for
Python, torch and compilers need them: the worker runs the user's own model, not generated code.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import socket
import struct

_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _FILTER = 22, 38, 2
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x80000000
_NUMBER, _ARCH, _FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data
_X32 = 0x40000000
#: By machine: AUDIT_ARCH_*, the numbers of socket and of io_uring_setup.
_MACHINES = {"x86_64": (0xC000003E, 41, 425), "aarch64": (0xC00000B7, 198, 425)}


class NotShut(OSError):
    """The network could not be shut, or was seen open afterwards."""


def shut() -> None:
    """Refuse sockets from here on. Raises ``NotShut`` where that cannot be shown."""
    machine = _MACHINES.get(platform.machine())
    if machine is None or platform.system() != "Linux":
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
