"""Something proposed for a unit, before any gate has said a word about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.canonical import digest_of
from pytest_compiledai.core.verdict import Finding

#: The proposer that needs no model: programs made of the schema and the train rows alone.
BUILTIN: Final = "builtin/synth"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """The files an artifact would have, and where they came from."""

    files: Mapping[str, bytes]  # POSIX path below the out folder -> bytes
    proposer: str  # a model's name, `file:<path>`, or what the entry of a frozen artifact says
    attempt: int  # 1 for the first proposal of a chain; a repair counts one more
    reply: str = ""  # what the proposer wrote, verbatim; goes back to it when a repair is asked
    refusal: Finding | None = None  # why no files could be made of the reply

    @property
    def address(self) -> str:
        """The content address: 64 hex digits over the sorted files."""
        return digest_of({path: digest(data) for path, data in self.files.items()})
