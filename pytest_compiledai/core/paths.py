"""Which names and relative paths a persisted file may hold, and the one way to open them."""

from __future__ import annotations

import errno
import keyword
import os
import re
import stat
import unicodedata
from pathlib import Path

#: A unit's name, which is also a file's and a Python function's.
NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")

#: The kind whose units may have a part after a dot: a model's regions.
DOTTED_KIND = "model"

#: Names that mean something else in ``compiled/__init__.py``.
RESERVED = frozenset({"ask", "fallback", "load", "sample", "sampled", "trace", "trust"})

#: The largest file of an artifact that is read, in bytes.
FILE_CAP = 1 << 30

_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_FLAGS |= getattr(os, "O_CLOEXEC", 0)
_LONGEST = 512
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_DRIVE = re.compile(r"[A-Za-z]:")
_UNPORTABLE = re.compile('[<>:"|?*\ud800-\udfff\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]')
#: Names of devices that Windows keeps for itself, with whatever suffix.
_DEVICES = frozenset(
    ["con", "prn", "aux", "nul"] + [f"{port}{n}" for port in ("com", "lpt") for n in range(10)]
)


class NotPlain(OSError):
    """A path leads over a symlink, or to something that is not a plain file."""


def stub_path(name: str) -> str:
    """Return the path of a function's stub, below the out folder: not part of its artifact."""
    return f"{name}.pyi"


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


def is_free(name: str) -> bool:
    """Return whether a unit may be called ``name`` on every system."""
    taken = keyword.iskeyword(name) or name in RESERVED or name in _DEVICES
    return NAME.fullmatch(name) is not None and not taken


def may_name(name: str, kind: object) -> bool:
    """Return whether a unit of ``kind`` may be called ``name``: of a model, `model.region` too."""
    model, dot, part = name.partition(".")
    if dot and kind == DOTTED_KIND:
        return is_free(model) and NAME.fullmatch(part) is not None
    return is_free(name)


def portable_fault(path: str) -> str:
    """Return what is wrong with a file's path on some system; empty when nothing is anywhere.

    Windows drops dots and spaces at the end, keeps names of devices, and refuses some characters;
    macOS stores other characters than it was given where they are not composed.
    """
    fault = path_fault(path)
    parts = path.split("/")
    if fault:
        return fault
    if any(part.endswith((".", " ")) for part in parts):
        return f"a dot or a space at the end of a part of `{path}`"
    if any(part.split(".")[0].strip().casefold() in _DEVICES for part in parts):
        return f"the name of a device in `{path}`"
    if _UNPORTABLE.search(path) or not unicodedata.is_normalized("NFC", path):
        return f"a character in {path!a} that not every system keeps"
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
