"""The one writer of ``compiled/`` and ``compiledai.lock``: stage, note, rename, the lock last.

A kill at any moment leaves either nothing but the staging folder, which the next run drops, or a
complete journal, which the next run finishes. Two runs at once take turns, and the second changes
the lock that the first wrote. Users who share one tree under different accounts do not exclude
each other.
"""

from __future__ import annotations

import enum
import os
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path

from pytest_compiledai.core.artifact import Artifact
from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.errors import ArtifactError
from pytest_compiledai.core.journal import NEXT
from pytest_compiledai.core.journal import STAGED_LOCK
from pytest_compiledai.core.journal import Journal
from pytest_compiledai.core.journal import Move
from pytest_compiledai.core.lock import Entry
from pytest_compiledai.core.lock import Lock
from pytest_compiledai.core.lock import LockReading
from pytest_compiledai.core.lock import read_lock
from pytest_compiledai.core.lock import read_lock_file
from pytest_compiledai.core.lock import render
from pytest_compiledai.core.paths import NotPlain
from pytest_compiledai.core.paths import portable_fault
from pytest_compiledai.core.paths import read_plain
from pytest_compiledai.core.paths import refuse_symlinks
from pytest_compiledai.core.paths import stub_path
from pytest_compiledai.core.stage import Stage
from pytest_compiledai.core.turn import turn

Say = Callable[[str], None]


class Recovery(enum.StrEnum):
    """What was found of an earlier run that did not end."""

    CLEAN = "clean"  # nothing
    FINISHED = "finished"  # a complete journal; its work is done now
    DROPPED = "dropped"  # staged files without one, or a lock that somebody changed meanwhile


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """What a commit changed on disk."""

    before: LockReading
    lock: Lock
    written: tuple[str, ...]  # paths below the out folder, sorted
    removed: tuple[str, ...]
    recovery: Recovery


@dataclass(slots=True)
class Freeze:
    """Artifacts, entries and removals that go to disk together.

    ``step`` is called with a word before each change of the disk; a test kills the process there.
    """

    out: Path
    lock_path: Path
    step: Callable[[str], None] = field(default=lambda _: None, kw_only=True)
    say: Say = field(default=lambda _: None, kw_only=True)
    #: What lies beside the artifacts and follows from the lock: the loader, an index of types.
    index: Callable[[Lock], Mapping[str, bytes]] = field(default=lambda _: {}, kw_only=True)
    _files: dict[str, bytes] = field(default_factory=dict, init=False)
    _entries: dict[str, Entry] = field(default_factory=dict, init=False)
    _removed: set[str] = field(default_factory=set, init=False)

    def stage(
        self,
        artifacts: Sequence[Artifact] = (),
        entries: Sequence[Entry] = (),
        removed: Collection[str] = (),
        *,
        beside: Mapping[str, bytes] | None = None,
    ) -> None:
        """Note what a commit is to write; nothing touches the disk yet.

        An entry without its artifact renews the lock only. ``removed`` names artifacts; ``beside``
        are files of the out folder that belong to no artifact. Raises ``ValueError``
        when an artifact is not what its entry says.
        """
        given = {entry.name: entry for entry in entries}
        for artifact in artifacts:
            entry = given.get(artifact.name)
            if entry is None or dict(entry.files) != artifact.digests():
                raise ValueError(f"the artifact `{artifact.name}` is not what its entry says")
            self._files.update(artifact.files)
        self._files.update(beside or {})
        self._entries.update(given)
        self._removed.update(removed)

    def commit(self) -> Frozen:
        """Write what was staged and return what changed; all of it or, after an error, nothing.

        What already has the right bytes is not written. Raises ``LockError`` when the lock on disk
        cannot be read, ``ArtifactError`` when the disk refuses.
        """
        with _refusals(self.out), turn(self.lock_path) as note:
            stage = Stage(out=self.out, lock_path=self.lock_path, note=note, step=self.step)
            recovery = _recover(stage, self.say)
            old = read_lock_file(self.lock_path, self.lock_path.name)
            before = read_lock(old, self.lock_path.name) if old else LockReading(lock=Lock())
            after = before.lock.without(self._removed).with_entries(*self._entries.values())
            new = render(after)
            _check_own_text(new, after)
            empty = not old and not (after.entries or self._files)
            index = {} if empty else self.index(after)
            moves, gone = self._changes(before.lock, after, index)
            if (new != old or moves or gone) and not empty:
                journal = _journal(moves, gone, old, new)
                stage.fill(moves, new if new != old else None, journal)
                stage.apply(journal)
        return Frozen(
            before=before,
            lock=after,
            written=tuple(sorted(moves)),
            removed=tuple(gone),
            recovery=recovery,
        )

    def _changes(
        self, before: Lock, after: Lock, index: Mapping[str, bytes]
    ) -> tuple[dict[str, bytes], list[str]]:
        """Return what has to be written (path -> bytes), and the paths that have to go."""
        files = {**self._files, **index}
        kept = {path for entry in after.entries.values() for path in entry.files}
        touched = self._removed | set(self._entries)
        had = {
            path
            for name in sorted(touched & set(before.entries))
            for path in before.entries[name].files
        }
        had |= {stub_path(name) for name in self._removed}
        gone = sorted(path for path in had - kept - set(files) if _exists(self.out, path))
        moves = {
            path: data
            for path, data in sorted(files.items())
            if not _has(self.out, path, digest(data))
        }
        for path in moves:
            _check_way(self.out, path, gone)
        return moves, gone


def recover(out: Path, lock_path: Path, *, say: Say = lambda _: None) -> Recovery:
    """Finish or drop what a killed run left in the staging folder below ``out``.

    ``say`` is given a sentence when something was dropped that had been ready. Raises
    ``ArtifactError`` when the disk refuses.
    """
    with _refusals(out), turn(lock_path) as note:
        return _recover(Stage(out=out, lock_path=lock_path, note=note, step=lambda _: None), say)


def _recover(stage: Stage, say: Say) -> Recovery:
    if not stage.exists():
        stage.note.remove()  # a kill between the last two steps leaves one
        return Recovery.CLEAN
    journal = stage.journal()
    if journal is None:
        stage.drop()
        return Recovery.DROPPED
    reason = _hindrance(stage, journal)
    if reason:
        stage.drop()
        say(
            f"{stage.out.name}/.next: found {reason}; expected what an interrupted run of yours "
            f"left here; next: it is dropped, look at `git status`, then `pytest --compile specs/`"
        )
        return Recovery.DROPPED
    stage.apply(journal)
    return Recovery.FINISHED


def _hindrance(stage: Stage, journal: Journal) -> str:
    """Return why the journal cannot be finished; empty when it can.

    Finishing installs what nobody judges again, so the journal has to be this user's own.
    """
    if not stage.note.vouches_for(journal.render()):
        return "a journal that no run of this user left for this place"
    lock = _digest_or_none(read_lock_file(stage.lock_path, stage.lock_path.name))
    if lock not in (journal.old, journal.new):
        return f"that {stage.lock_path.name} was changed meanwhile"
    if lock != journal.new and not stage.holds(STAGED_LOCK, journal.new):
        return "no staged lock"
    for move in journal.files:
        if not stage.holds(move.staged, move.sha256) and not _has(
            stage.out, move.target, move.sha256
        ):
            return f"neither the staged nor the frozen `{move.target}`"
    return ""


def _journal(moves: Mapping[str, bytes], gone: Sequence[str], old: bytes, new: bytes) -> Journal:
    files = tuple(
        Move(staged=str(number), target=path, sha256=digest(data))
        for number, (path, data) in enumerate(moves.items())
    )
    return Journal(files=files, removed=tuple(gone), old=_digest_or_none(old), new=digest(new))


def _check_own_text(new: bytes, lock: Lock) -> None:
    """Raise ``LockError`` rather than write a lock that the next run could not read."""
    reading = read_lock(new, "compiledai.lock")
    for name, fault in reading.faults.items():
        if name not in lock.broken:
            raise fault
    if dict(reading.lock.entries) != dict(lock.entries):
        raise ValueError("the lock's text does not say what the lock says")


def _check_way(out: Path, path: str, gone: Collection[str]) -> None:
    """Raise ``ArtifactError`` when something other than a plain file stands in the way."""
    fault = portable_fault(path) or (f"`{path}`" if path.partition("/")[0] == NEXT else "")
    if fault:
        raise ValueError(f"{fault} cannot be frozen")
    refuse_symlinks(out, path)
    parts = path.split("/")
    for depth in range(1, len(parts) + 1):
        part = "/".join(parts[:depth])
        place = out / part
        blocked = place.is_dir() if depth == len(parts) else place.is_file()
        leaving = part in gone or any(other.startswith(f"{part}/") for other in gone)
        if blocked and not leaving:
            what = "a folder" if depth == len(parts) else "a file"
            raise ArtifactError(
                where=f"{out.name}/{part}",
                found=what,
                expected="a file of the artifact" if depth == len(parts) else "a folder",
                next=f"move `{out.name}/{part}` away and run again",
            )


def _exists(out: Path, path: str) -> bool:
    return os.path.lexists(out / path)


def _has(out: Path, path: str, sha256: str) -> bool:
    try:
        return digest(read_plain(out, path)) == sha256
    except (FileNotFoundError, NotADirectoryError, NotPlain):
        return False


def _digest_or_none(data: bytes) -> str:
    return digest(data) if data else ""


@contextmanager
def _refusals(out: Path) -> Iterator[None]:
    """Turn what the disk refuses into an error that a user can mend."""
    try:
        yield
    except OSError as error:
        raise ArtifactError(
            where=str(error.filename or out),
            found=(error.strerror or str(error)).lower(),
            expected=f"plain files and folders that can be written, below {out.name}",
            next="free the space or mend the permissions, then run again",
        ) from error
