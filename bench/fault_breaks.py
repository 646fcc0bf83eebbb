"""Breaks of the one writer, planted in the runs under test: each has to be noticed.

A campaign that finds nothing says something only where it would find these. What it cannot notice:
a missing `fsync`, for the machine goes on running, and two runs at once without their turn.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

BREAK = "COMPILEDAI_FAULTS_BREAK"


def lock_first() -> None:
    """Rename the lock before the files that it names."""
    from pytest_compiledai.core.stage import Stage

    really = Stage.apply

    def apply(self: Any, journal: Any) -> None:
        self._place_lock()
        really(self, journal)

    Stage.apply = apply


def no_journal() -> None:
    """Rename files without having noted which, so that a kill leaves some of them."""
    from pytest_compiledai.core import stage

    really = stage.atomic_write

    def write(path: Path, data: bytes, **more: Any) -> None:
        if path.name != stage.JOURNAL:
            really(path, data, **more)

    stage.atomic_write = write


def recovery_drops() -> None:
    """Drop a journal that is complete instead of finishing it."""
    from pytest_compiledai.core import freeze

    freeze._hindrance = lambda *_: "a reason"


def note_forgotten() -> None:
    """Write no note outside the tree, so that nobody vouches for the journal."""
    from pytest_compiledai.core.turn import Note

    Note.write = lambda *_: None


def no_recovery() -> None:
    """Leave what a kill left to the next run that writes."""
    from pytest_compiledai.controller import Controller

    Controller.recover = lambda _: None


def journal_goes_first() -> None:
    """Delete the journal before its work is done."""
    from pytest_compiledai.core.stage import Stage

    really = Stage.apply

    def apply(self: Any, journal: Any) -> None:
        (self.folder / "journal.json").unlink(missing_ok=True)
        really(self, journal)

    Stage.apply = apply


def written_in_place() -> None:
    """Write files in their places, where a full disk leaves a part of them."""
    from pytest_compiledai.core.stage import Stage

    def fill(self: Any, files: Any, lock: Any, journal: Any) -> None:
        del journal
        self.out.mkdir(exist_ok=True)
        for path, data in files.items():
            (self.out / path).write_bytes(data)
        if lock is not None:
            self.lock_path.write_bytes(lock)

    Stage.fill = fill
    Stage.apply = lambda *_: None


def interrupted_freezes() -> None:
    """Freeze what an interrupted run had so far."""
    from pytest_compiledai.controller import Controller

    really = Controller.finish
    Controller.finish = lambda self, **_: really(self, interrupted=False)


#: Break -> the kind of fault that has to make it show.
BREAKS: dict[Callable[[], None], str] = {
    lock_first: "kill the controller in a freeze",
    no_journal: "kill the controller in a freeze",
    recovery_drops: "kill the controller in a freeze",
    note_forgotten: "kill the controller in a freeze",
    no_recovery: "kill the controller in a freeze",
    journal_goes_first: "kill the controller in a freeze",
    written_in_place: "full disk under the project",
    interrupted_freezes: "interrupt the controller",
}


def plant() -> None:
    """Break this process as the environment asks."""
    wanted = os.environ.get(BREAK)
    for make in BREAKS:
        if make.__name__ == wanted:
            make()


@contextlib.contextmanager
def planted(make: Callable[[], None]) -> Any:
    """Let the runs that are started meanwhile be broken."""
    os.environ[BREAK] = make.__name__
    try:
        yield
    finally:
        del os.environ[BREAK]
