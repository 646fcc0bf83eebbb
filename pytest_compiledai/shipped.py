"""Whether what production imports is what was judged: the loader itself, and the lock it reads.

Python prefers bytecode and extension modules to the text of ``compiled/__init__.py``, which alone
is compared with this version's; and production reads the lock in a way of its own.
"""

from __future__ import annotations

import contextlib
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_compiledai.core.artifact import Artifact
from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.entry import read_entry
from pytest_compiledai.core.errors import LockError
from pytest_compiledai.core.lock import render
from pytest_compiledai.core.paths import read_plain
from pytest_compiledai.core.place import Place
from pytest_compiledai.runtime.emit import LOADER_PATH
from pytest_compiledai.runtime.errors import IntegrityError
from pytest_compiledai.runtime.locktext import _split
from pytest_compiledai.runtime.stubs import beside
from pytest_compiledai.runtime.stubs import stubs_of

if TYPE_CHECKING:
    from pytest_compiledai.core.lock import Lock

_CACHE = "__pycache__"
_HEADER = 16  # bytes: magic, flags, seconds, size; PEP 552
_BY_TIME = bytes(4)  # flags of bytecode that is compared with its text's time and size


def other_texts(out: Path, shown: str, lock: Lock) -> Iterator[str]:
    """Yield a notice for the loader and for each stub that this version writes otherwise.

    A frozen run may be of another version than the one that compiled.
    """
    for path, data in (beside(lock) | dict(_stubs(out, lock))).items():
        try:
            found = digest(read_plain(out, path))
        except OSError as error:
            found = (error.strerror or str(error)).lower()
        if found != digest(data):
            yield (
                f"{shown}/{path}: found {found[:40]}; expected that of this version and this lock; "
                "next: pytest --compile writes it, look at the difference before you commit it"
            )


def _stubs(out: Path, lock: Lock) -> Iterator[tuple[str, bytes]]:
    """Yield the stub of each function that can be read; of the others the gates tell."""
    for name, entry in lock.entries.items():
        with contextlib.suppress(OSError, ValueError, SyntaxError, RecursionError, MemoryError):
            files = {path: read_plain(out, path) for path in entry.files if path.endswith(".py")}
            others = {path: b"" for path in entry.files if path not in files}
            yield from stubs_of([Artifact(name=name, files=files | others)]).items()


def shadows(out: Path, shown: str) -> Iterator[str]:
    """Yield a notice for each file that Python would execute in place of the loader's text."""
    for path in sorted(out.glob("__init__.*")):
        if path.name not in (LOADER_PATH, f"{LOADER_PATH}i"):
            yield (
                f"{shown}/{path.name}: found a file that is imported in place of {LOADER_PATH}; "
                f"expected none; next: rm {shown}/{path.name}"
            )
    for path in sorted((out / _CACHE).glob("__init__.*")):
        if not _follows(out, path.name):
            yield (
                f"{shown}/{_CACHE}/{path.name}: found bytecode of another text than {LOADER_PATH}; "
                f"expected none; next: rm -r {shown}/{_CACHE}"
            )


def _follows(out: Path, name: str) -> bool:
    """Whether an import would compare this bytecode with the text and find that it belongs to it.

    Bytecode with a hash runs unseen, or with a hash that anybody can compute; an import never
    writes it. A change's own bytecode cannot know the second in which a checkout writes the text.
    """
    try:
        header = read_plain(out, f"{_CACHE}/{name}")[:_HEADER]
        text = (out / LOADER_PATH).lstat()
    except OSError:
        return False
    told = [int(text.st_mtime) & 0xFFFFFFFF, text.st_size & 0xFFFFFFFF]
    numbers = b"".join(number.to_bytes(4, "little") for number in told)
    return header[4:] == _BY_TIME + numbers


def other_readings(
    out: Path, shown: str, data: bytes, lock: Lock, shown_lock: str
) -> Iterator[str]:
    """Yield a notice where production would read another lock, or this one otherwise."""
    try:
        inside = read_plain(out, "compiledai.lock")
    except FileNotFoundError:
        inside = data
    except OSError:
        inside = b""
    if inside != data:
        yield (
            f"{shown}/compiledai.lock: found another lock than {shown_lock}; expected the same or "
            f"none: a package ships the one in the folder; next: rm {shown}/compiledai.lock"
        )
    if not data or data.replace(b"\r\n", b"\n") == render(lock):
        return  # where nothing was frozen there is no lock
    again = "pytest --compile writes it, look at the difference before you commit it"
    try:
        tables = _split(data)
        names = sorted(name for name in {*tables, *lock.entries} if not _alike(name, tables, lock))
    except IntegrityError as error:
        yield f"{str(error).partition('; next: ')[0]}; next: {again}"
        return
    if names:
        yield (
            f"{shown_lock}: found tables that production reads otherwise, of {', '.join(names[:3])}"
            f"; expected tables as they are written; next: {again}"
        )


def _alike(name: str, tables: dict[str, str], lock: Lock) -> bool:
    if name in lock.broken:
        return True  # told of as such
    try:
        table = tomllib.loads(tables.get(name, ""))
        return read_entry(name, table, Place(path=name)) == lock.entries.get(name)
    except (ValueError, RecursionError, LockError):
        return False


def forget_bytecode(out: Path) -> None:
    """Remove the bytecode of a loader that was written anew; what stays is told of later."""
    folder = out / _CACHE
    with contextlib.suppress(OSError):
        for path in () if folder.is_symlink() else folder.glob("__init__.*"):
            path.unlink()
