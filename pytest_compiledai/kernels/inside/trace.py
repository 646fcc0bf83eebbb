"""Which elements each program wrote, and which it read that it had not written itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

#: Pieces of consecutive elements that an answer holds at most.
_MOST_RUNS = 1 << 20


class Trace:
    """What the programs of one launch touched of buffers that can be written."""

    def __init__(self) -> None:
        self._touched: dict[tuple[int, str, str], list[Any]] = {}

    def note(self, program: int, verb: str, name: str, index: Any) -> None:
        """Note elements of a buffer."""
        self._touched.setdefault((program, verb, name), []).append(index.copy())

    def said(self) -> list[Any]:
        """Return it as plain data: program, verb, name and pieces ``[first, end]``."""
        found = {key: runs(np.concatenate(parts)) for key, parts in self._touched.items()}
        if sum(map(len, found.values())) > _MOST_RUNS:
            raise ValueError("a kernel whose programs touch elements far from one another")
        return [[*key, pieces] for key, pieces in found.items()]


def runs(index: Any) -> list[list[int]]:
    """Return the pieces of consecutive elements, in order."""
    places = np.sort(index)  # ``unique`` would load more of numpy, behind the wall
    if not places.size:
        return []
    cuts = np.flatnonzero(np.diff(places) > 1)
    first = places[np.concatenate(([0], cuts + 1))]
    last = places[np.concatenate((cuts, [places.size - 1]))]
    return [[int(a), int(b) + 1] for a, b in zip(first, last, strict=True)]


def members(pieces: Sequence[Sequence[int]]) -> Any:
    """Return the elements of pieces, in order."""
    if not pieces:
        return np.empty(0, dtype=np.int64)
    return np.concatenate([np.arange(first, end, dtype=np.int64) for first, end in pieces])
