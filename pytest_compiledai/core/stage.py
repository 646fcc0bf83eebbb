"""The staging folder ``compiled/.next/``: filled, applied, dropped; each step can be repeated."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.files import atomic_write
from pytest_compiledai.core.files import sync_folder
from pytest_compiledai.core.journal import JOURNAL
from pytest_compiledai.core.journal import JOURNAL_CAP
from pytest_compiledai.core.journal import NEXT
from pytest_compiledai.core.journal import STAGED_LOCK
from pytest_compiledai.core.journal import Journal
from pytest_compiledai.core.journal import read_journal
from pytest_compiledai.core.paths import NotPlain
from pytest_compiledai.core.paths import read_plain
from pytest_compiledai.core.paths import refuse_symlinks
from pytest_compiledai.core.turn import Note


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where new files wait until all of them are there."""

    out: Path
    lock_path: Path
    note: Note  # outside the tree: which journal is ours
    step: Callable[[str], None]  # called before each change of the disk

    @property
    def folder(self) -> Path:
        """The staging folder."""
        return self.out / NEXT

    def exists(self) -> bool:
        """Return whether anything is staged. Raises ``NotPlain`` when symlinks stand there."""
        refuse_symlinks(self.out, NEXT)
        return os.path.lexists(self.folder)

    def journal(self) -> Journal | None:
        """Return the journal, or None when staging did not end or the journal is broken."""
        try:
            return read_journal(read_plain(self.folder, JOURNAL, cap=JOURNAL_CAP))
        except (FileNotFoundError, NotADirectoryError, NotPlain):
            return None

    def holds(self, name: str, sha256: str) -> bool:
        """Return whether the staged file ``name`` is there with the right bytes."""
        try:
            return digest(read_plain(self.folder, name)) == sha256
        except (FileNotFoundError, NotPlain):
            return False

    def fill(self, files: Mapping[str, bytes], lock: bytes | None, journal: Journal) -> None:
        """Write the new files, the new lock and, last, the journal.

        After an error everything is as it was before.
        """
        made: list[Path] = []
        try:
            self._make_folders(self.out, made)
            self._make_folders(self.folder, made)
            for move in journal.files:
                self._write(move.staged, files[move.target])
                self._make_folders((self.out / move.target).parent, made)
            if lock is not None:
                self._write(STAGED_LOCK, lock)
            self._check_writable(journal)
            sync_folder(self.folder)
            self.step("note the journal")
            self.note.write(journal.render())
            self.step("write the journal")
            atomic_write(self.folder / JOURNAL, journal.render())
            sync_folder(self.out)
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.note.remove()
            for folder in reversed(made):
                with contextlib.suppress(OSError):
                    folder.rmdir()
            raise

    def apply(self, journal: Journal) -> None:
        """Do what the journal says, the lock last, and delete the staging folder."""
        for path in journal.removed:
            self._remove(path)
        for move in journal.files:
            staged, target = self.folder / move.staged, self.out / move.target
            if staged.exists():
                refuse_symlinks(self.out, move.target)
                self._make_folders(target.parent, [])
                self.step("rename a file")
                staged.replace(target)
        changed = [*journal.removed, *(move.target for move in journal.files)]
        for folder in sorted({(self.out / path).parent for path in changed}):
            if folder.is_dir():
                sync_folder(folder)
        self._place_lock()
        self.drop()

    def drop(self) -> None:
        """Delete the staging folder, the journal first."""
        if not self.folder.is_dir():
            self.folder.unlink(missing_ok=True)
            return
        self.step("delete the journal")
        (self.folder / JOURNAL).unlink(missing_ok=True)
        self.step("delete the staging folder")
        shutil.rmtree(self.folder)
        sync_folder(self.out)
        self.note.remove()

    def _write(self, name: str, data: bytes) -> None:
        self.step("write a staged file")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        with os.fdopen(os.open(self.folder / name, flags, 0o644), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def _make_folders(self, folder: Path, made: list[Path]) -> None:
        """Make ``folder`` and its parents, unless a file that is about to go stands there."""
        missing = [place for place in (folder, *folder.parents) if not os.path.lexists(place)]
        for place in reversed(missing):
            if not place.parent.is_dir():
                return
            self.step("make a folder")
            place.mkdir()
            made.append(place)

    def _check_writable(self, journal: Journal) -> None:
        """Raise ``PermissionError`` before the journal is written rather than half-way through."""
        paths = [*journal.removed, *(move.target for move in journal.files)]
        folders: Iterable[Path] = {self.lock_path.parent, *((self.out / p).parent for p in paths)}
        for folder in sorted(folders):
            if folder.is_dir() and not os.access(folder, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, "a folder that cannot be written", str(folder))

    def _remove(self, path: str) -> None:
        """Delete a file that no entry names any more, and the folders it leaves empty."""
        refuse_symlinks(self.out, path.rpartition("/")[0])
        self.step("remove a file")
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            (self.out / path).unlink()
        for part in list(Path(path).parents)[:-1]:
            self.step("remove an empty folder")
            try:
                (self.out / part).rmdir()
            except OSError:  # not empty, or gone already
                break

    def _place_lock(self) -> None:
        staged = self.folder / STAGED_LOCK
        if not staged.exists():
            return
        self.step("rename the lock")
        try:
            staged.replace(self.lock_path)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            # The out folder is a mount of its own: write beside the lock instead of renaming.
            atomic_write(self.lock_path, staged.read_bytes())
        sync_folder(self.lock_path.parent)
