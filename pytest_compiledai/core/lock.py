"""``compiledai.lock``: one table per artifact, read strictly and written in one way.

It says what to check, not that it is good: whoever trusts an artifact compares its bytes, and
locked mode runs the gates again.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any

from pytest_compiledai.core.entry import Entry
from pytest_compiledai.core.entry import read_entry
from pytest_compiledai.core.errors import LockError
from pytest_compiledai.core.locktext import conflict_fault
from pytest_compiledai.core.locktext import has_dotted_keys
from pytest_compiledai.core.locktext import tables
from pytest_compiledai.core.locktext import unreadable_fault
from pytest_compiledai.core.paths import read_plain
from pytest_compiledai.core.place import Place

__all__ = ["Entry", "Lock", "LockReading", "parse", "read_lock", "render"]

VERSION = 1
FIRST_LINE = f"lock-version = {VERSION}"

#: The largest lock that is read, in bytes: room for some 50,000 artifacts.
CAP = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """The entries by name, sorted; pure: changing it makes another one."""

    entries: Mapping[str, Entry] = field(default_factory=dict)
    #: Text of tables that cannot be trusted, kept so that freezing one artifact loses no other's.
    broken: Mapping[str, str] = field(default_factory=dict)

    def with_entries(self, *entries: Entry) -> Lock:
        """Return the lock with ``entries`` in place of those of the same names."""
        new = {entry.name: entry for entry in entries}
        if len(new) != len(entries):
            raise ValueError("an artifact was given two entries")
        kept = {name: text for name, text in self.broken.items() if name not in new}
        return Lock(entries=dict(sorted({**self.entries, **new}.items())), broken=kept)

    def without(self, names: Collection[str]) -> Lock:
        """Return the lock without the entries of ``names``, sound or broken."""
        return Lock(
            entries={name: entry for name, entry in self.entries.items() if name not in names},
            broken={name: text for name, text in self.broken.items() if name not in names},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LockReading:
    """The trustworthy part of a lock, and why each other table is not trusted."""

    lock: Lock
    faults: Mapping[str, LockError] = field(default_factory=dict)


def read_lock(data: bytes, path: str) -> LockReading:
    """Return what the lock's bytes say; a broken table condemns its own artifact only.

    ``path`` is shown in messages. Raises ``LockError`` when the file as a whole cannot be read:
    its size, encoding, version, conflict markers, or no TOML at all.
    """
    text = _decoded(data, path)
    document = _document(text, path)
    entries: dict[str, Entry] = {}
    faults: dict[str, LockError] = {}
    places = {table.name: table for table in tables(text)}
    for name, table in sorted(document.items()):
        line = places[name].line if name in places else 0
        try:
            entries[name] = read_entry(name, table, Place(path=path, line=line))
        except LockError as error:
            faults[name] = error
    broken = {name: places[name].text for name in faults if name in places}
    return LockReading(lock=Lock(entries=entries, broken=broken), faults=faults)


def read_lock_file(path: Path, shown: str) -> bytes:
    """Return the bytes of the lock at ``path``; none where there is no lock.

    The project's folder may be reached over a symlink; the lock itself may not be one. Raises
    ``LockError`` for anything but a plain file; ``shown`` is the lock in messages.
    """
    try:
        return read_plain(path.parent.resolve(), path.name, cap=CAP)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise LockError(
            where=shown,
            found=(error.strerror or str(error)).lower(),
            expected=f"a plain file of at most {CAP} bytes that can be read",
            next=f"`git checkout -- {shown}`",
        ) from None


def parse(data: bytes, path: str = "compiledai.lock") -> Lock:
    """Return the lock in ``data``. Raises ``LockError`` for the first thing that is wrong in it."""
    reading = read_lock(data, path)
    for fault in reading.faults.values():
        raise fault
    return reading.lock


def render(lock: Lock) -> bytes:
    """Return the lock's bytes: equal locks have equal bytes."""
    texts = {name: entry.render() for name, entry in lock.entries.items()} | dict(lock.broken)
    blocks = [f"\n{texts[name]}" for name in sorted(texts)]
    return "".join([f"{FIRST_LINE}\n", *blocks]).encode("utf-8")


def _decoded(data: bytes, path: str) -> str:
    if len(data) > CAP:
        raise LockError(
            where=path,
            found=f"{len(data)} bytes",
            expected=f"at most {CAP}",
            next=f"`git checkout -- {path}`",
        )
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise LockError(
            where=path,
            found=f"a byte that is not UTF-8 at offset {error.start}",
            expected="UTF-8 text",
            next=f"`git checkout -- {path}`",
        ) from None
    if text.startswith("\ufeff"):
        raise LockError(
            where=Place(path=path, line=1),
            found="a byte order mark, which an editor put there",
            expected=f"`{FIRST_LINE}` as the first line",
            next=f"`git checkout -- {path}`",
        )
    return text.replace("\r\n", "\n")


def _document(text: str, path: str) -> Mapping[str, Any]:
    fault = conflict_fault(text, path)
    if fault:
        raise fault
    if has_dotted_keys(text):
        raise unreadable_fault(text, path, "a key of many dotted parts")
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError: a number of too many digits, too
        raise unreadable_fault(text, path, str(error)) from None
    version = document.pop("lock-version", None)
    if type(version) is not int or version != VERSION:
        raise LockError(
            where=Place(path=path, line=1),
            found=f"lock version {str(version)[:40]}" if version is not None else "no lock version",
            expected=str(VERSION),
            next="upgrade pytest-compiledai to the version that wrote this lock",
        )
    artifacts = document.pop("artifact", {})
    if document or not isinstance(artifacts, dict):
        raise LockError(
            where=path,
            found=f"`{(sorted(document) or ['artifact'])[0][:80]}` at the top level",
            expected=f'`{FIRST_LINE}` and tables `[artifact."<name>"]`',
            next=f"`git checkout -- {path}`",
        )
    return artifacts
