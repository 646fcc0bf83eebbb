"""The seccomp filter as bytes: the machine is checked first, then an allow-list, then death."""

from __future__ import annotations

import struct
from typing import NamedTuple

from .syscalls import ALLOWED
from .syscalls import REFUSED
from .syscalls import WITHOUT_EXEC


class Machine(NamedTuple):
    """What the filter must know of a processor architecture."""

    name: str  # as platform.machine() says, and the field of syscalls.Call
    audit: int  # AUDIT_ARCH_*
    numbers_end: int  # numbers from here on belong to another calling convention; 0: no such


MACHINES = {
    "x86_64": Machine("x86_64", 0xC000003E, 0x40000000),  # x32 calls carry this bit
    "aarch64": Machine("aarch64", 0xC00000B7, 0),
}

KILL = 0x80000000  # SECCOMP_RET_KILL_PROCESS
ALLOW = 0x7FFF0000
EPERM = 0x00050000 | 1
PROT_EXEC = 4

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCH, _THIRD_ARGUMENT = 0, 4, 32  # offsets in struct seccomp_data, low words


def filter_bytes(machine: Machine) -> bytes:
    """Return the program as an array of ``struct sock_filter``."""
    steps = [
        (_LOAD, 0, 0, _ARCH),
        (_EQUAL, 1, 0, machine.audit),
        (_RETURN, 0, 0, KILL),
        (_LOAD, 0, 0, _NUMBER),
    ]
    if machine.numbers_end:
        steps += [(_AT_LEAST, 0, 1, machine.numbers_end), (_RETURN, 0, 0, KILL)]
    for call in ALLOWED:
        steps += _answer(getattr(call, machine.name), ALLOW)
    for call in REFUSED:
        steps += _answer(getattr(call, machine.name), EPERM)
    for call in WITHOUT_EXEC:
        steps += [
            (_EQUAL, 0, 4, getattr(call, machine.name)),
            (_LOAD, 0, 0, _THIRD_ARGUMENT),
            (_ANY_BIT, 0, 1, PROT_EXEC),
            (_RETURN, 0, 0, KILL),
            (_RETURN, 0, 0, ALLOW),
        ]
    steps.append((_RETURN, 0, 0, KILL))
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def _answer(number: int | None, verdict: int) -> list[tuple[int, int, int, int]]:
    if number is None:
        return []
    return [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, verdict)]
