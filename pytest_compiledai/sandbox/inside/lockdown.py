"""Locks the calling process for good: limits, no new privileges, Landlock, seccomp.

Pure ctypes, no privilege needed. Landlock may be missing (an older kernel, or a container that
hides it): the system-call filter alone closes the same doors. Without seccomp there is no wall,
and ``Wall`` says so by raising ``OSError``.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import platform
import resource
import signal
import struct
from collections.abc import Mapping
from pathlib import Path

from .seccomp import MACHINES
from .seccomp import filter_bytes

NOBODY = 65534
COMMAND_FD, RESULT_FD = 3, 4  # 0 to 2 are /dev/null; nothing else stays open

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38
_SECCOMP_MODE_FILTER = 2
_LANDLOCK_CREATE, _LANDLOCK_RESTRICT = 444, 446  # the same on every architecture
#: How many file system rights each Landlock version knows, and since when it knows the others.
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_KNOWS_NETWORK, _KNOWS_SCOPES = 4, 6
_MIB = 1 << 20

_libc = ctypes.CDLL(None, use_errno=True)


class Wall:
    """What every worker of a zygote is locked with, prepared once before the first fork."""

    def __init__(self) -> None:
        machine = MACHINES.get(platform.machine())
        if machine is None:
            raise OSError(f"no system-call list for the processor {platform.machine()}")
        code = filter_bytes(machine)
        self._code = ctypes.create_string_buffer(code, len(code))
        # struct sock_fprog: a 16-bit count, padding, a pointer.
        self._program = ctypes.create_string_buffer(
            struct.pack("=HxxxxxxQ", len(code) // 8, ctypes.addressof(self._code))
        )
        self.landlock = _landlock_version()
        self._ruleset = _landlock_ruleset(self.landlock) if self.landlock else -1
        self._baseline = _address_space()

    def arrange(self, keep: tuple[int, int]) -> None:
        """Put null on 0 to 2, and the command and result descriptors of ``keep`` on 3 and 4."""
        null = os.open(os.devnull, os.O_RDWR)
        # First far away, because a kept descriptor may sit on a number that another one needs.
        far = [_lift(number) for number in (null, null, null, *keep)]
        if self.landlock:
            self._ruleset = _lift(self._ruleset)
        for target, number in enumerate(far):
            os.dup2(number, target)

    def stand(self, *, parent: int, limits: Mapping[str, int]) -> str:
        """Lock this process, once arranged, and return in words what now holds it.

        ``parent`` is the process whose death must end this one.
        """
        os.setsid()
        _limit(limits, self._baseline)
        uid = _become_nobody()
        _prctl(_PR_SET_DUMPABLE, 0)  # no core file, nobody may attach
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # after the change of user, which clears it
        if os.getppid() != parent:
            os._exit(0)
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)
        if self.landlock:
            _landlock_restrict(self._ruleset)
        os.closerange(RESULT_FD + 1, 1 << 16)
        _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(self._program))
        landlock = f"landlock {self.landlock}" if self.landlock else "no landlock"
        return f"seccomp, {landlock}, uid {uid}"


def _prctl(option: int, value: int, pointer: int = 0) -> None:
    if _libc.prctl(option, ctypes.c_ulong(value), ctypes.c_ulong(pointer), 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"prctl {option}: {os.strerror(number)}")


def _lift(number: int) -> int:
    return fcntl.fcntl(number, fcntl.F_DUPFD, 64)


def _limit(limits: Mapping[str, int], baseline: int) -> None:
    _lower(resource.RLIMIT_CPU, limits["cpu_s"], limits["cpu_s"] + 1)
    memory = baseline + limits["memory_mb"] * _MIB
    _lower(resource.RLIMIT_AS, memory, memory)
    for kind in (resource.RLIMIT_FSIZE, resource.RLIMIT_CORE, resource.RLIMIT_NPROC):
        _lower(kind, 0, 0)
    _lower(resource.RLIMIT_NOFILE, 256, 256)


def _lower(kind: int, soft: int, hard: int) -> None:
    _, ceiling = resource.getrlimit(kind)
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    resource.setrlimit(kind, (soft, hard))


def _become_nobody() -> int:
    """Leave root where this process is root and may; return the user id that remains."""
    if os.geteuid() == 0:
        try:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
        except OSError:
            pass  # a container's root without the right to change: the filter holds it as well
    return os.geteuid()


def _address_space() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def _landlock_version() -> int:
    version: int = _libc.syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), 1)
    return max(0, version)


def _landlock_ruleset(version: int) -> int:
    """Return a ruleset that handles every right this kernel's version knows and allows none."""
    files = (1 << _FILE_RIGHTS[min(version, max(_FILE_RIGHTS))]) - 1
    rights = [files]
    if version >= _KNOWS_NETWORK:
        rights.append(0b11)  # bind and connect
    if version >= _KNOWS_SCOPES:
        rights.append(0b11)  # abstract sockets and signals to outside
    attributes = struct.pack(f"={len(rights)}Q", *rights)
    number = _libc.syscall(_LANDLOCK_CREATE, attributes, ctypes.c_size_t(len(attributes)), 0)
    if number < 0:
        raise OSError(ctypes.get_errno(), "landlock_create_ruleset")
    return int(number)


def _landlock_restrict(ruleset: int) -> None:
    if _libc.syscall(_LANDLOCK_RESTRICT, ruleset, 0) != 0:
        raise OSError(ctypes.get_errno(), "landlock_restrict_self")
