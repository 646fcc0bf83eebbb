"""What mypy knows of the standard library, kept between runs in this user's own cache folder.

Reading the library's types takes mypy half a second, and what it then knows is the same for every
source. Kept is what it learns from a fixed text of ours, never from a candidate or a project; no
verdict is. mypy compares what it is given with the library's files, its own version and options
before it believes it. What is not whole, not this user's own, or cannot be read or written is
passed over: that makes a run slower and never another one.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import stat
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pytest_compiledai.core.errors import ToolError
from pytest_compiledai.core.files import atomic_write

#: Imports the modules that candidates import most; anything else mypy learns when it meets it.
TEXT: Final = """\
import collections
import datetime
import decimal
import re
from typing import Any
from typing import TypedDict
"""
_PLACES: Final = {"win32": ("LOCALAPPDATA", "AppData/Local"), "darwin": ("", "Library/Caches")}
_MOST_BYTES: Final = 50_000_000


def warm(cache: Path, *, key: str, learn: Callable[[Path], None]) -> None:
    """Fill the folder ``cache``, where it is empty, with what is kept under ``key``.

    Where nothing is kept, ``learn(cache)`` has mypy read ``TEXT``, and what came of it is kept.
    """
    if cache.is_dir() and any(cache.iterdir()):
        return
    try:
        kept = _folder() / f"mypy-{key}.zip"
        if kept.exists():
            _unpack(kept, cache)
            return
        learn(cache)
        kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        atomic_write(kept, _packed(cache), durable=False)
    except (OSError, RuntimeError, ToolError, zipfile.BadZipFile):
        shutil.rmtree(cache, ignore_errors=True)  # nothing half known


def _folder() -> Path:
    """Return this user's cache folder. Raises ``RuntimeError`` where there is no home."""
    name, below = _PLACES.get(sys.platform, ("XDG_CACHE_HOME", ".cache"))
    wanted = Path(os.environ.get(name, "")) if name else Path()
    return (wanted if wanted.is_absolute() else Path.home() / below) / "pytest-compiledai"


def _unpack(kept: Path, cache: Path) -> None:
    """Unpack a file that nobody but this user can have written; a broken one is dropped."""
    with kept.open("rb") as file:
        if not _is_own(os.fstat(file.fileno())):
            return
        data = file.read(_MOST_BYTES)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            packed.extractall(cache)  # compares each part with its checksum
    except zipfile.BadZipFile:
        with contextlib.suppress(OSError):
            kept.unlink()
        raise


def _is_own(found: os.stat_result) -> bool:
    if os.name == "nt":
        return True  # the folder's own rights decide
    others = stat.S_IWGRP | stat.S_IWOTH
    return found.st_uid == os.getuid() and not found.st_mode & others


def _packed(folder: Path) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            packed.write(path, path.relative_to(folder).as_posix())
    return out.getvalue()
