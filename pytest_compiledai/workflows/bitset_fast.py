"""The pairs of ``bitset`` counted with numba, by the processor's own count of bits.

Every pair is counted. A row of pairs is looked at one by one only when its best count and its
least time together could beat what was reached before.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

import numpy as np

from pytest_compiledai.workflows.profile import Floats

if TYPE_CHECKING:
    from pytest_compiledai.workflows.bitset import Group

_CHUNK: Final = 512  # counts kept beside the words they come from: 4 kB
_ROOM: Final = 1 << 16  # pairs that were undominated when they were met


def survivors(a: Group, b: Group) -> Floats:
    """Return rows (index, index, seconds, right queries) of pairs no earlier pair dominates."""
    order = np.argsort(b.seconds, kind="stable")
    words, seconds = np.ascontiguousarray(b.words[:, order]), b.seconds[order]
    room = _ROOM
    while True:
        found = np.empty((4, room))
        quickest = np.full(a.words.shape[0] * 64 + 2, np.inf)
        met = _scan()(
            np.ascontiguousarray(a.words), a.seconds, words, seconds, quickest, found, _CHUNK
        )
        if met <= room:
            break
        room = met
    rows = found[:, :met]
    rows[1] = order[rows[1].astype(np.int64)]
    return rows


@cache
def _scan() -> Any:  # noqa: C901 - three functions that are compiled together
    import numba  # an extra; a second to import, and compiled at first use
    from numba.core import types
    from numba.extending import intrinsic

    @intrinsic  # type: ignore[untyped-decorator]  # numba has no types
    def bits(context: Any, word: Any) -> Any:  # noqa: ARG001 - numba hands it in
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
            return builder.ctpop(arguments[0])

        return types.uint64(types.uint64), generate

    @numba.njit(nogil=True)  # type: ignore[untyped-decorator]
    def count(a: Any, i: Any, b: Any, start: Any, right: Any) -> None:
        """Write into ``right`` how many queries configuration ``i`` or each of ``b`` gets right."""
        words = a.shape[0]
        right[:] = 0
        for w in range(0, words - 3, 4):  # four at once: fewer loads and stores of the counts
            x, y, z, u = a[w, i], a[w + 1, i], a[w + 2, i], a[w + 3, i]
            for j in range(len(right)):
                right[j] += (
                    bits(x | b[w, start + j])
                    + bits(y | b[w + 1, start + j])
                    + bits(z | b[w + 2, start + j])
                    + bits(u | b[w + 3, start + j])
                )
        for w in range(words - words % 4, words):
            x = a[w, i]
            for j in range(len(right)):
                right[j] += bits(x | b[w, start + j])

    @numba.njit(nogil=True)  # type: ignore[untyped-decorator]
    def scan(  # noqa: PLR0917 - numba takes positions only
        a: Any, seconds_a: Any, b: Any, seconds_b: Any, quickest: Any, found: Any, chunk: Any
    ) -> Any:
        met = 0
        right = np.zeros(chunk, np.uint64)
        for start in range(0, b.shape[1], chunk):
            some = right[: min(b.shape[1], start + chunk) - start]
            for i in range(a.shape[1]):
                count(a, i, b, start, some)
                top = np.uint64(0)
                for j in range(len(some)):
                    top = max(top, some[j])
                if seconds_a[i] + seconds_b[start] >= quickest[top]:
                    continue
                for j in range(len(some)):
                    total = seconds_a[i] + seconds_b[start + j]
                    if total < quickest[some[j]]:
                        if met < found.shape[1]:
                            found[0, met], found[1, met] = i, start + j
                            found[2, met], found[3, met] = total, some[j]
                        met += 1
                        reached = np.int64(some[j])
                        while reached >= 0 and quickest[reached] > total:
                            quickest[reached] = total
                            reached -= 1
        return met

    return scan
