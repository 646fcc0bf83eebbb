"""What a freeze is about to do, as it lies in ``compiled/.next/``: its presence means ready."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from dataclasses import dataclass
from typing import Any

from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.core.paths import path_fault

VERSION = 1
NEXT = ".next"  # the staging folder, below the out folder
JOURNAL = "journal.json"
JOURNAL_CAP = 64 << 20  # bytes: room for some 300,000 files
STAGED_LOCK = "lock"

_DIGEST = re.compile(r"[0-9a-f]{64}")
_STAGED = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A staged file and the place it is for."""

    staged: str  # file name below the staging folder
    target: str  # POSIX path below the out folder
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """Everything that is still to be done once staging is complete; doing it twice is harmless."""

    files: tuple[Move, ...]
    removed: tuple[str, ...]  # POSIX paths below the out folder
    old: str  # SHA-256 of the lock this freeze started from; "" where there was none
    new: str  # SHA-256 of the lock it ends with; equal to `old` when the lock stays

    def render(self) -> bytes:
        """Return the journal's bytes."""
        return canonical_json({"version": VERSION, **asdict(self)})


def read_journal(data: bytes) -> Journal | None:
    """Return the journal in ``data``, or None when it is broken or not one of this version."""
    try:
        value = json.loads(data)
        if set(value) != {"version", "files", "removed", "old", "new"}:
            return None
        return _journal(value) if value["version"] == VERSION else None
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _journal(value: Mapping[str, Any]) -> Journal:
    files = tuple(Move(**move) for move in value["files"])
    journal = Journal(
        files=files, removed=tuple(value["removed"]), old=value["old"], new=value["new"]
    )
    digests = [move.sha256 for move in files] + [journal.new]
    paths = [move.target for move in files] + list(journal.removed)
    if not all(map(_DIGEST.fullmatch, digests)) or any(map(_is_forbidden, paths)):
        raise ValueError("a digest or a path in the journal is not one")
    if not all(_STAGED.fullmatch(move.staged) for move in files):
        raise ValueError("a staged name in the journal is not one")
    if journal.old and not _DIGEST.fullmatch(journal.old):
        raise ValueError("the lock's digest in the journal is not one")
    return journal


def _is_forbidden(path: str) -> bool:
    return bool(path_fault(path)) or path.split("/", maxsplit=1)[0] == NEXT
