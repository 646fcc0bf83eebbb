"""Buffers of compiled code: one end of each lies at a page that nobody can touch.

A guard of bytes shows what was written beside a buffer, and not what was read there. A read across
the end that touches a closed page ends the process; which end lies there changes from call to call.
"""

from __future__ import annotations

import ctypes
import mmap
from typing import Any

import numpy as np

from .memory import Buffer

PAGE = mmap.PAGESIZE
_PROT_NONE = 0
_libc = ctypes.CDLL(None, use_errno=True)


class PagedBuffer(Buffer):
    """A buffer between closed pages, its first byte behind one or its last byte before one."""

    at_end = False

    def _taken(self, skew: int) -> tuple[Any, int]:
        inner = -(-(self.size + skew * self.item) // PAGE) * PAGE or PAGE
        self._map = mmap.mmap(-1, inner + 2 * PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        whole = np.frombuffer(self._map, dtype=np.uint8)
        for page in (whole.ctypes.data, whole.ctypes.data + PAGE + inner):
            if _libc.mprotect(ctypes.c_void_p(page), ctypes.c_size_t(PAGE), _PROT_NONE) != 0:
                raise OSError(ctypes.get_errno(), "mprotect of a page beside a buffer")
        start = inner - self.size if self.at_end else skew * self.item
        return whole[PAGE : PAGE + inner], start


class EndBuffer(PagedBuffer):
    """A buffer whose last byte lies before a closed page."""

    at_end = True
