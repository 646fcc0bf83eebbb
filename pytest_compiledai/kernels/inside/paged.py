"""Buffers of compiled code: one end of each lies at a page that nobody can touch.

A guard of bytes shows what was written beside a buffer, and not what was read there. A read across
the end that touches a closed page ends the process; which end lies there changes from call to call.
How many pages are closed is secret, so that no stride leads from one buffer into another.
An input can only be read: one that was changed and changed back would compare as it was.
"""

from __future__ import annotations

import ctypes
import mmap
from typing import Any

import numpy as np

from .memory import Buffer

PAGE = mmap.PAGESIZE
_PROT_NONE, _PROT_READ, _PROT_WRITE = 0, 1, 2
_libc = ctypes.CDLL(None, use_errno=True)


class PagedBuffer(Buffer):
    """A buffer between closed pages, its first byte behind one or its last byte before one."""

    at_end = False

    def _taken(self, skew: int) -> tuple[Any, int]:
        inner = -(-(self.size + skew * self.item) // PAGE) * PAGE or PAGE
        behind = (1 + self.gap) * PAGE
        size = PAGE + inner + behind
        self._map = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        whole = np.frombuffer(self._map, dtype=np.uint8)
        first = whole.ctypes.data
        self._pages = first + PAGE, inner
        for page, count in ((first, PAGE), (first + PAGE + inner, behind)):
            _protect(page, count, _PROT_NONE)
        start = inner - self.size if self.at_end else skew * self.item
        return whole[PAGE : PAGE + inner], start

    def fill(self, data: bytes) -> None:
        """Take new content, which compiled code may change in no input."""
        _protect(*self._pages, _PROT_READ | _PROT_WRITE)
        super().fill(data)
        if not self.writable:
            _protect(*self._pages, _PROT_READ)


class EndBuffer(PagedBuffer):
    """A buffer whose last byte lies before a closed page."""

    at_end = True


def _protect(page: int, count: int, access: int) -> None:
    if _libc.mprotect(ctypes.c_void_p(page), ctypes.c_size_t(count), access) != 0:
        raise OSError(ctypes.get_errno(), "mprotect of a buffer's pages")
