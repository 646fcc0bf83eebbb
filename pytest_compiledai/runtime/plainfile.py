"""How production opens a file: a plain one, below a folder, through no symlink.

This text becomes a part of ``compiled/__init__.py``, so it needs the standard library alone and its
names have underscores.
"""

# ruff: noqa: PTH114, PTH118

from __future__ import annotations

import errno as _errno
import os as _os
import stat as _stat


# From here on this text is spliced into compiled/__init__.py.
def _read(folder: str, path: str, cap: int) -> bytes:
    """Return the bytes of a plain file; no symlink below ``folder`` is followed."""
    handle = _open(folder, path.split("/"))
    try:
        facts = _os.fstat(handle)
        if not _stat.S_ISREG(facts.st_mode):
            raise OSError(_errno.EINVAL, "something that is no plain file")
        if facts.st_size > cap:
            raise OSError(_errno.EFBIG, f"{facts.st_size} bytes, over the cap of {cap}")
        with _os.fdopen(handle, "rb", buffering=0, closefd=False) as file:
            # One byte more than there should be: a file that grew meanwhile has another digest.
            return file.read(facts.st_size + 1)
    finally:
        _os.close(handle)


def _open(folder: str, parts: list[str]) -> int:
    flags = _os.O_RDONLY
    for flag in ("O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"):
        flags |= getattr(_os, flag, 0)
    if _os.open not in _os.supports_dir_fd:  # Windows: looked at first, then opened
        for depth in range(1, len(parts) + 1):
            if _os.path.islink(_os.path.join(folder, *parts[:depth])):
                raise OSError(_errno.ELOOP, "a symlink")
        return _os.open(_os.path.join(folder, *parts), flags)
    handle = _os.open(folder, _os.O_RDONLY | _os.O_DIRECTORY | _os.O_CLOEXEC)
    for part in parts[:-1]:
        outer = handle
        try:
            handle = _os.open(part, flags | _os.O_DIRECTORY, dir_fd=outer)
        finally:
            _os.close(outer)
    try:
        return _os.open(parts[-1], flags, dir_fd=handle)
    finally:
        _os.close(handle)
