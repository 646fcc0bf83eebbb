"""Parts of a large tensor: some of its equal blocks hold what is asked about, the rest the like.

A tensor is ``outer`` rows of ``count`` blocks of ``inner`` elements; of the blocks only those that
are named travel. The others are filled with pieces of the same numbers, at places that a secret
seed chooses: a kernel that reads where it should not is wrong, and sees nothing unusual there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

#: Elements of the shortest text of numbers that the rest is filled from.
_LEAST = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Where the blocks that travel lie in the tensor."""

    outer: int
    count: int
    inner: int
    blocks: tuple[int, ...]
    seed: int = 0

    @classmethod
    def of(cls, fact: Mapping[str, Any]) -> Spread:
        """Return what a message states."""
        return cls(**{**fact, "blocks": tuple(fact["blocks"])})

    @property
    def elements(self) -> int:
        """How many the whole tensor has."""
        return self.outer * self.count * self.inner

    def places(self) -> Any:
        """Return for each element that travels, in order, its place in the whole tensor."""
        rows = np.arange(self.outer, dtype=np.int64)[:, None, None] * self.count
        blocks = np.array(self.blocks, dtype=np.int64)[None, :, None]
        return ((rows + blocks) * self.inner + np.arange(self.inner)[None, None, :]).ravel()

    def block_of(self, places: Any) -> Any:
        """Return the block in which each place of the whole tensor lies."""
        return places // self.inner % self.count

    def lay(self, whole: Any, item: int, data: bytes) -> None:
        """Write the blocks into the tensor's bytes, and the like of them between."""
        elements = whole.view(f"u{item}")
        given = np.frombuffer(data, dtype=f"u{item}")
        text = np.resize(given, max(_LEAST, given.size))
        secret = np.random.default_rng(self.seed)
        at = 0
        while at < elements.size:
            first = int(secret.integers(text.size))
            taken = text[first : first + elements.size - at]
            elements[at : at + taken.size] = taken
            at += taken.size
        self._view(whole, item)[:, list(self.blocks)] = given.view(np.uint8).reshape(
            self.outer, len(self.blocks), self.inner * item
        )

    def gathered(self, whole: Any, item: int) -> bytes:
        """Return the bytes of the blocks."""
        data: bytes = self._view(whole, item)[:, list(self.blocks)].tobytes()
        return data

    def _view(self, whole: Any, item: int) -> Any:
        return whole.reshape(self.outer, self.count, self.inner * item)
