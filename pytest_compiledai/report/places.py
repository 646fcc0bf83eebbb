"""Where a finding points in the repository, and the lines around that place."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pytest_compiledai.core.place import Place
from pytest_compiledai.core.result import Result
from pytest_compiledai.core.verdict import Finding

#: Lines shown on each side of the one a finding names.
AROUND = 3
LONGEST_LINE = 200
#: A larger file is data; an excerpt of it would help nobody.
LARGEST_BYTES = 2_000_000
_LEAD = re.compile(r"([^:\n]+)(?::(\d{1,9}))?: ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """A few lines of a file, and which of them a finding names."""

    path: str
    first: int  # 1-based number of the first line
    lines: tuple[str, ...]
    marked: int  # 1-based number


class Places:
    """Finds the files that findings name below a project's root."""

    def __init__(self, root: Path, out: Path) -> None:
        self._root = root.resolve()
        self._out = out.resolve()

    def of(self, result: Result, finding: Finding) -> Place:
        """Return the place of a finding in the repository.

        That is the unit's line in its spec where the finding names no file that exists: what a
        model proposed and a gate turned down is nowhere in the tree.
        """
        file = self._file(finding.path)
        if file is None:
            return Place(path=result.spec, line=max(1, result.line))
        return Place(path=file.relative_to(self._root).as_posix(), line=max(1, finding.line))

    def named(self, message: str) -> Place | None:
        """Return the place that a message of four parts leads with; None where it is no file."""
        lead = _LEAD.match(message)
        file = self._file(lead[1]) if lead else None
        if lead is None or file is None:
            return None
        return Place(path=file.relative_to(self._root).as_posix(), line=max(1, int(lead[2] or 1)))

    def excerpt(self, finding: Finding) -> Excerpt | None:
        """Return the lines around a finding; None where it names no line of a readable file."""
        file = self._file(finding.path)
        if file is None or finding.line < 1:
            return None
        lines = _lines(file)
        if finding.line > len(lines):
            return None
        # The neighbours of a golden row say nothing about it.
        around = 0 if file.suffix == ".jsonl" else AROUND
        first = max(1, finding.line - around)
        shown = lines[first - 1 : finding.line + around]
        return Excerpt(
            path=file.relative_to(self._root).as_posix(),
            first=first,
            lines=tuple(line[:LONGEST_LINE] for line in shown),
            marked=finding.line,
        )

    def _file(self, path: str) -> Path | None:
        """Return the file below the root that a finding calls ``path``, from root or out folder."""
        if not path:
            return None
        for folder in (self._root, self._out):
            with contextlib.suppress(OSError, ValueError):  # a name that no file system takes
                file = (folder / path).resolve()
                if file.is_relative_to(self._root) and file.is_file():
                    return file
        return None


@cache
def _lines(file: Path) -> Sequence[str]:
    if file.stat().st_size > LARGEST_BYTES:
        return ()
    return file.read_bytes().decode("utf-8", "replace").split("\n")
