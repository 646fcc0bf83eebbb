"""The system calls a locked worker may make: a reviewed constant, pinned by a test.

What stands in neither table kills the process. Numbers: Linux on x86-64 and on aarch64, from the
kernel's ``unistd`` headers; ``None`` where the machine has no such call.
"""

from __future__ import annotations

from typing import NamedTuple


class Call(NamedTuple):
    """One system call and its number on each machine."""

    name: str
    x86_64: int | None
    aarch64: int | None


#: Allowed: memory, time, randomness, and bytes through descriptors that are open already.
#: The most frequent come first, because the filter is walked from the top.
ALLOWED: tuple[Call, ...] = (
    Call("read", 0, 63),
    Call("write", 1, 64),
    Call("clock_gettime", 228, 113),
    Call("futex", 202, 98),
    Call("munmap", 11, 215),
    Call("brk", 12, 214),
    Call("madvise", 28, 233),
    Call("mremap", 25, 216),
    Call("close", 3, 57),
    Call("fstat", 5, 80),
    Call("lseek", 8, 62),
    Call("readv", 19, 65),
    Call("writev", 20, 66),
    Call("rt_sigaction", 13, 134),
    Call("rt_sigprocmask", 14, 135),
    Call("rt_sigreturn", 15, 139),
    Call("sigaltstack", 131, 132),
    Call("clock_getres", 229, 114),
    Call("clock_nanosleep", 230, 115),
    Call("nanosleep", 35, 101),
    Call("gettimeofday", 96, 169),
    Call("time", 201, None),
    Call("getrandom", 318, 278),
    Call("getpid", 39, 172),
    Call("getppid", 110, 173),
    Call("gettid", 186, 178),
    Call("getuid", 102, 174),
    Call("geteuid", 107, 175),
    Call("getgid", 104, 176),
    Call("getegid", 108, 177),
    Call("sched_yield", 24, 124),
    Call("sched_getaffinity", 204, 123),
    Call("restart_syscall", 219, 128),
    Call("rseq", 334, 293),
    Call("exit", 60, 93),
    Call("exit_group", 231, 94),
)

#: Allowed unless the third argument asks for executable memory.
WITHOUT_EXEC: tuple[Call, ...] = (
    Call("mmap", 9, 222),
    Call("mprotect", 10, 226),
)

#: Answered with EPERM, so that code which looks for a file reads a PermissionError, and the
#: C library's own questions (is this a terminal, how many processors) do not end the worker.
REFUSED: tuple[Call, ...] = (
    Call("openat", 257, 56),
    Call("newfstatat", 262, 79),
    Call("open", 2, None),
    Call("openat2", 437, 437),
    Call("stat", 4, None),
    Call("lstat", 6, None),
    Call("statx", 332, 291),
    Call("statfs", 137, 43),
    Call("fstatfs", 138, 44),
    Call("access", 21, None),
    Call("faccessat", 269, 48),
    Call("faccessat2", 439, 439),
    Call("getdents", 78, None),
    Call("getdents64", 217, 61),
    Call("readlink", 89, None),
    Call("readlinkat", 267, 78),
    Call("getcwd", 79, 17),
    Call("ioctl", 16, 29),
    Call("fcntl", 72, 25),
    Call("uname", 63, 160),
    Call("sysinfo", 99, 179),
    # abort() falls back to a trap, so an aborting interpreter is a crash and not a violation.
    Call("tgkill", 234, 131),
)
