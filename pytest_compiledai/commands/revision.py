"""A revision of a project: the working tree, or what git has under a name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.entry import Entry
from pytest_compiledai.core.errors import ArtifactError
from pytest_compiledai.core.errors import SettingsError
from pytest_compiledai.core.lock import read_lock
from pytest_compiledai.core.process import run

GIT_S = 30.0


class Revision:
    """Reads files of one revision below a project's root; ``name`` is "" for the working tree.

    ``out`` is the folder of artifacts, relative to the root; the lock lies beside it.
    """

    def __init__(self, root: Path, out: Path, name: str) -> None:
        self.root = root.resolve()
        self.name = name
        self._out = out.as_posix()
        self._lock = (out.parent / "compiledai.lock").as_posix()

    @property
    def shown(self) -> str:
        """The revision as messages call it."""
        return self.name or "the working tree"

    def entry(self, unit: str) -> Entry:
        """Return the entry of a unit. Raises ``SettingsError`` where the lock has none."""
        data = self.read(self._lock)
        reading = read_lock(data, self._lock) if data is not None else None
        if reading is not None and unit in reading.faults:
            raise reading.faults[unit]
        if reading is None or unit not in reading.lock.entries:
            raise SettingsError(
                where=f"{self._lock} of {self.shown}",
                found=f"no entry of {unit}",
                expected="a unit that was frozen there",
                next=f"git log --oneline -- {self._lock}",
            )
        return reading.lock.entries[unit]

    def files(self, entry: Entry) -> Mapping[str, bytes]:
        """Return the artifact's files. Raises ``ArtifactError`` where the lock says otherwise."""
        found: dict[str, bytes] = {}
        for path, sha256 in sorted(entry.files.items()):
            data = self.read(f"{self._out}/{path}")
            if data is None or digest(data) != sha256:
                raise ArtifactError(
                    where=f"{self._out}/{path} of {self.shown}",
                    found="no file" if data is None else "other bytes",
                    expected="the bytes that the lock of that revision names",
                    next=f"pytest --compile {entry.spec}::{entry.name}",
                )
            found[path] = data
        return found

    def read(self, path: str) -> bytes | None:
        """Return the bytes of a file below the root; None where the revision has none."""
        if not self.name:
            file = self.root / path
            return file.read_bytes() if file.is_file() else None
        self._check()
        ran = self._git("cat-file", "blob", f"{self.name}:./{path}")
        return ran[1] if ran[0] == 0 else None

    def _check(self) -> None:
        """Raise ``SettingsError`` unless git knows the revision."""
        code, _ = self._git("rev-parse", "--verify", "--quiet", f"{self.name}^{{commit}}")
        if code or self.name.startswith("-"):
            raise SettingsError(
                where="diff",
                found=f"revision {self.name!r}",
                expected="a commit of the repository that holds the project",
                next="git log --oneline",
            )

    def _git(self, *arguments: str) -> tuple[int, bytes]:
        env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        ran = run(["git", *arguments], cwd=self.root, env=env, timeout_s=GIT_S)
        return ran.code, ran.out
