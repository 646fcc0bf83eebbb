"""`compiledai recordings`: one file for thousands of exchanges, and back to a file each."""

# ruff: noqa: T201 - a command speaks
from __future__ import annotations

from pathlib import Path

from pytest_compiledai.core.errors import SettingsError
from pytest_compiledai.llm import pack as packs
from pytest_compiledai.llm.listing import PACK
from pytest_compiledai.llm.listing import listing

NAME = f"recordings{PACK}"


def pack(folder: Path, *, keep: bool) -> int:
    """Put every recording of a folder into one pack, then remove the files that are in it."""
    _check(folder)
    into = folder / NAME
    files = packs.pack(folder, into)
    held = len(packs.packed(folder))
    if not keep:
        for path in files:
            path.unlink()
    print(f"{into.name}: {held} recordings, {into.stat().st_size:,} bytes")
    return 0


def unpack(folder: Path, *, keep: bool) -> int:
    """Write every packed recording as a file of its own, then remove the packs."""
    _check(folder)
    made = packs.unpack(folder)
    names = listing(folder).packs
    if not keep:
        for name in names:
            (folder / name).unlink()
    print(f"{len(made)} recordings from {len(names)} packs")
    return 0


def _check(folder: Path) -> None:
    if not folder.is_dir():
        raise SettingsError(
            where=folder.as_posix(),
            found="no folder",
            expected="the folder of recordings beside the specs",
            next="compiledai recordings pack specs/recordings",
        )
