"""Whether the files of an artifact are what its entry says, and in which way they are not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.lock import Entry
from pytest_compiledai.core.lock import Lock
from pytest_compiledai.core.paths import NotPlain
from pytest_compiledai.core.paths import read_plain
from pytest_compiledai.core.verdict import Finding


def verify(
    entry: Entry, out: Path, *, lock: Lock | None = None, shown: str = ""
) -> tuple[Finding, ...]:
    """Return why the files below the folder ``out`` are not what ``entry`` says; empty: they are.

    With ``lock`` an artifact that holds the bytes of another one is named as such. ``shown`` is
    the out folder as messages and commands name it, by default its last part.
    """
    look = _Look(entry, out, lock or Lock(), shown or out.name)
    findings = [look.file(path, sha256) for path, sha256 in sorted(entry.files.items())]
    return (*(finding for finding in findings if finding), *look.extras())


def artifact_bytes(entry: Entry, out: Path) -> dict[str, bytes]:
    """Return the bytes of an artifact that ``verify`` found nothing against. Raises ``OSError``."""
    return {path: read_plain(out, path) for path in sorted(entry.files)}


class _Look:
    """The look at one artifact."""

    def __init__(self, entry: Entry, out: Path, lock: Lock, shown: str) -> None:
        self.entry = entry
        self.out = out
        self.lock = lock
        self.shown = shown

    def file(self, path: str, sha256: str) -> Finding | None:
        """Return what is wrong with one file of the entry."""
        try:
            data = read_plain(self.out, path)
        except OSError as error:
            return self._unread(path, error)
        found = digest(data)
        if found == sha256:
            return None
        other = self._owner(found)
        if other:
            return self._swapped(path, other)
        if digest(data.replace(b"\r\n", b"\n")) == sha256:
            attribute = f"add `{self.shown}/** text eol=lf` to .gitattributes, then "
            return self._finding("line-ends", path, "CRLF line ends", attribute + self._fetch(path))
        accept = f"`pytest --compile-accept {self.entry.spec} -k {self.entry.name}`"
        following = f"restore it with {self._fetch(path)} or take it with {accept}"
        return self._finding("edited", path, "bytes edited by hand", following)

    def _unread(self, path: str, error: OSError) -> Finding:
        again = f"`pytest --compile {self.entry.spec} -k {self.entry.name}`"
        following = f"restore it with {self._fetch(path)} or make it again with {again}"
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            return self._finding("missing", path, "no file", following)
        rule = "not-plain" if isinstance(error, NotPlain) else "unreadable"
        return self._finding(rule, path, (error.strerror or str(error)).lower(), following)

    def extras(self) -> Iterator[Finding]:
        """Yield a finding for each file in the artifact's own folder that no entry names."""
        top = self.out / self.entry.name
        if top.is_symlink() or not top.is_dir():
            return
        for folder, folders, files in os.walk(top, followlinks=False):
            folders.sort()
            links = [name for name in folders if (Path(folder) / name).is_symlink()]
            for name in sorted([*files, *links]):
                path = (Path(folder) / name).relative_to(self.out).as_posix()
                if path not in self.entry.files:
                    following = f"`rm {self.shown}/{path}`, or move it out of the artifact"
                    yield self._finding("extra", path, "a file no entry names", following)

    def _owner(self, sha256: str) -> str:
        for name, entry in self.lock.entries.items():
            if name != self.entry.name and sha256 in entry.files.values():
                return name
        return ""

    def _swapped(self, path: str, other: str) -> Finding:
        mine = set(self.entry.files.values())
        theirs = [self._digest(theirs) for theirs in sorted(self.lock.entries[other].files)]
        both = any(found in mine for found in theirs)
        found = (
            f"a swapped pair: it holds the bytes of `{other}`, and `{other}` its own"
            if both
            else f"the bytes of `{other}`"
        )
        follow = self._fetch(path) if not both else f"`git checkout -- {self.shown} *.lock`"
        return self._finding("swapped", path, found, follow)

    def _digest(self, path: str) -> str:
        try:
            return digest(read_plain(self.out, path))
        except OSError:
            return ""

    def _fetch(self, path: str) -> str:
        return f"`git checkout -- {self.shown}/{path}`"

    def _finding(self, rule: str, path: str, found: str, following: str) -> Finding:
        place = f"{self.shown}/{path}"
        expected = f"the file that the lock's entry `{self.entry.name}` names"
        if rule == "extra":
            expected = f"only files that the entry `{self.entry.name}` names"
        return Finding(
            rule=f"lock.{rule}",
            message=f"{place}: found {found}; expected {expected}; next: {following}",
            path=place,
        )
