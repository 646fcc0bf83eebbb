"""A place in a file of the user's, as messages show it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A POSIX path, relative to the project's root where possible, and a 1-based line."""

    path: str
    line: int = 0  # 0: the file as a whole

    def __str__(self) -> str:
        return f"{self.path}:{self.line}" if self.line else self.path
