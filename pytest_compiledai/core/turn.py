"""The right to write one lock, and what only this user's own interrupted run can have left.

Both live outside the tree: a lock file beside the lock would show up in `git status`, and a
repository can bring along any journal that it likes, but not the note of it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.errors import ArtifactError
from pytest_compiledai.core.files import atomic_write
from pytest_compiledai.core.files import locked
from pytest_compiledai.core.paths import read_regular

_NOTE_CAP = 64  # bytes: one SHA-256 in hex


@dataclass(frozen=True, slots=True)
class Note:
    """The digest of the journal that a run of this user is carrying out for one lock."""

    path: Path

    def write(self, journal: bytes) -> None:
        """Note ``journal``, before it is put in its place."""
        atomic_write(self.path, digest(journal).encode("ascii"))

    def vouches_for(self, journal: bytes) -> bool:
        """Return whether a run of this user wrote this very journal and did not come to its end."""
        try:
            return read_regular(self.path, cap=_NOTE_CAP) == digest(journal).encode("ascii")
        except OSError:
            return False

    def remove(self) -> None:
        """Forget the journal: it is done, or dropped."""
        self.path.unlink(missing_ok=True)


@contextmanager
def turn(lock_path: Path) -> Iterator[Note]:
    """Hold the right to write this lock and its folder, across processes; yield its note."""
    key = hashlib.sha256(os.fsencode(lock_path.parent.resolve() / lock_path.name)).hexdigest()[:32]
    temporary = _own(Path(tempfile.gettempdir()) / f"pytest-compiledai-{_owner()}")
    with locked(temporary / f"{key}.lock"):
        yield Note(_lasting(temporary) / f"{key}.journal")


def _lasting(temporary: Path) -> Path:
    """Return a folder that a restart of the machine does not empty; else the temporary one."""
    cache = os.environ.get("LOCALAPPDATA" if os.name == "nt" else "XDG_CACHE_HOME")
    with contextlib.suppress(OSError, RuntimeError):  # no home, or one that cannot be written
        base = Path(cache) if cache else Path.home() / ".cache"
        if base.is_absolute():
            return _own(base / "pytest-compiledai")
    return temporary


def _own(folder: Path) -> Path:
    """Return ``folder``, made where it is missing; ``ArtifactError`` when it is another user's."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    facts = folder.lstat()
    if not stat.S_ISDIR(facts.st_mode) or (os.name != "nt" and facts.st_uid != _owner()):
        raise ArtifactError(
            where=str(folder),
            found="a folder of another user, or none",
            expected="one of your own, for lock files",
            next="set TMPDIR and XDG_CACHE_HOME to folders of yours",
        )
    return folder


def _owner() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0
