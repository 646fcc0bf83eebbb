"""Which part of a matrix runs which unit: by the hash of its name, so that each runs once."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pytest_compiledai.core.canonical import text_digest
from pytest_compiledai.core.errors import SettingsError

MOST = 256  # jobs of one matrix


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """Part ``number`` of ``of``."""

    number: int  # from 1
    of: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Return the shard that `2/4` names. Raises ``SettingsError`` for any other text."""
        match = re.fullmatch(r"([1-9]\d{0,2})/([1-9]\d{0,2})", text)
        shard = cls(number=int(match[1]), of=int(match[2])) if match else None
        if shard is None or not shard.number <= shard.of <= MOST:
            raise SettingsError(
                where="--shard",
                found=repr(text),
                expected=f"i/n such as 1/4, with i from 1 to n and n at most {MOST}",
                next="python -m pytest_compiledai.ci run --shard 1/4",
            )
        return shard

    def holds(self, name: str) -> bool:
        """Return whether this part runs what is called ``name``.

        A model's regions are in one part: its step is put together from what the run makes of them.
        """
        together, _, _ = name.partition(".")
        return int(text_digest(together)[:16], 16) % self.of == self.number - 1

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"
