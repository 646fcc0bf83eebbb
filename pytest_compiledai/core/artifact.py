"""What passed every gate: a name and the files it is frozen into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pytest_compiledai.core.canonical import digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """The files of one unit as they will lie below the out folder."""

    name: str
    files: Mapping[str, bytes]  # POSIX path below the out folder -> bytes

    def digests(self) -> dict[str, str]:
        """Return path -> SHA-256, sorted by path: the ``files`` of the artifact's entry."""
        return {path: digest(data) for path, data in sorted(self.files.items())}
