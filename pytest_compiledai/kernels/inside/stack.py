"""Shows what compiled code wrote into the stack below its own frames.

Locals begin anew in each call and a library holds no writable data, so that memory would be the
last place from which an earlier call could change a later one. It is filled before a call and
compared after it; how deep a library's own frames reach was written down by the compiler.
"""

from __future__ import annotations

import ctypes
import platform
from pathlib import Path
from typing import Final

#: What the call itself and the functions of mathematics take, below the caller's frame.
_CALL_BYTES: Final = 12 << 10
_WATCHED_BYTES: Final = 1 << 20
_PATTERN: Final = 0xA5
#: Bytes from the start of glibc's ``ucontext_t`` on x86-64 to the saved stack pointer.
_POINTER_AT: Final = 160
_CONTEXT_BYTES: Final = 4096


class Stack:
    """The stack below the frames of one library's functions."""

    def __init__(self, frames: int) -> None:
        """Watch beyond ``frames`` bytes; nothing where this processor's stack is not known."""
        self._below = frames + _CALL_BYTES
        self._libc = ctypes.CDLL(None)
        self._context = ctypes.create_string_buffer(_CONTEXT_BYTES)
        self._whole = bytes([_PATTERN]) * _WATCHED_BYTES
        self._start = 0
        self._known = platform.machine() == "x86_64"

    def fill(self) -> None:
        """Fill what lies below; the next call stands where this one does."""
        if self._known:
            self._libc.getcontext(self._context)
            pointer = ctypes.c_uint64.from_buffer(self._context, _POINTER_AT).value
            self._start = pointer - self._below - _WATCHED_BYTES
            ctypes.memset(self._start, _PATTERN, _WATCHED_BYTES)

    def holds(self) -> bool:
        """Return whether nothing was written there."""
        return not self._known or ctypes.string_at(self._start, _WATCHED_BYTES) == self._whole


def frames_of(library: str) -> int:
    """Return the bytes of a library's frames, as ``native.build`` wrote them beside it."""
    return int(Path(library).with_suffix(".frames").read_text(encoding="ascii"))
