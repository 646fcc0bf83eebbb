"""The text of a Python file that is judged without being run."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_compiledai.core.canonical import digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Bytes of a Python module, and the name findings call it by."""

    data: bytes
    path: str  # POSIX; shown in findings, never opened

    @property
    def address(self) -> str:
        """The content address: SHA-256 of the bytes, 64 hex digits."""
        return digest(self.data)
