"""Which names and relative paths a persisted file may hold, and the one way to open them."""

from __future__ import annotations

import errno
import os
import re
import stat
from pathlib import Path

#: A unit's name, which is also a file's and a Python function's.
NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")

#: Names that mean something else in ``compiled/__init__.py``.
RESERVED = frozenset({"fallback", "load", "trust"})

#: The largest file of an artifact that is read, in bytes.
FILE_CAP = 1 << 30

_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_FLAGS |= getattr(os, "O_CLOEXEC", 0)
_LONGEST = 512
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_DRIVE = re.compile(r"[A-Za-z]:")


class NotPlain(OSError):
    """A path leads over a symlink, or to something that is not a plain file."""


def path_fault(path: str) -> str:
    """Return what is wrong with the relative POSIX ``path``; empty when nothing is."""
    if not path or len(path) > _LONGEST:
        return f"a path of {len(path)} characters"
    if _CONTROL.search(path):
        return "a control character in a path"
    if path.startswith("/") or _DRIVE.match(path):
        return f"the absolute path `{path}`"
    if "\\" in path:
        return f"a backslash in `{path}`"
    if any(part in {"", ".", ".."} for part in path.split("/")):
        return f"an empty part, `.` or `..` in `{path}`"
    return ""


def belongs_to(path: str, name: str) -> bool:
    """Return whether ``path`` is where the artifact ``name`` keeps files below the out folder."""
    return path == f"{name}.py" or path.startswith(f"{name}/")


def read_plain(root: Path, path: str, *, cap: int = FILE_CAP) -> bytes:
    """Return the bytes of the plain file at ``path`` below ``root``, read once.

    Raises ``NotPlain`` for a symlink below ``root``, a folder, a device, or more than ``cap``
    bytes, and ``OSError`` (``FileNotFoundError`` among them) as the system gives it.
    """
    refuse_symlinks(root, path)
    try:
        handle = os.open(root / path, _FLAGS | getattr(os, "O_NOFOLLOW", 0))
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise NotPlain(errno.ELOOP, "a symlink", path) from None
        raise
    return _bytes(handle, path, cap)


def read_regular(path: Path, *, cap: int) -> bytes:
    """Return the bytes of the file at ``path``, read once; symlinks are followed.

    For files that a project brings along: a pipe does not hang the reader, a device does not fill
    its memory. Raises ``NotPlain`` for anything but a file of at most ``cap`` bytes.
    """
    return _bytes(os.open(path, _FLAGS), path.name, cap)


def _bytes(handle: int, path: str, cap: int) -> bytes:
    try:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode):
            kind = "a folder" if stat.S_ISDIR(facts.st_mode) else "something that is no plain file"
            raise NotPlain(errno.EINVAL, kind, path)
        if facts.st_size > cap:
            raise NotPlain(errno.EFBIG, f"{facts.st_size} bytes, over the cap of {cap}", path)
        with os.fdopen(handle, "rb", buffering=0, closefd=False) as file:
            return file.read(facts.st_size + 1)
    finally:
        os.close(handle)


def refuse_symlinks(root: Path, path: str) -> None:
    """Raise ``NotPlain`` when ``root`` or a part of ``path`` below it is a symlink."""
    current = root
    for part in ("", *path.split("/")):
        current = current / part
        if current.is_symlink():
            raise NotPlain(errno.ELOOP, "a symlink", path)
