"""How much later calls' figures depend on whose results they were measured on.

Later calls are measured on results of the reference, each agent's first setting. Here some of them
are asked once more with another setting's result of the same problem and the same state.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence
from statistics import fmean
from statistics import stdev
from typing import TYPE_CHECKING
from typing import NamedTuple

if TYPE_CHECKING:
    from pytest_compiledai.workflows.links import Link
    from pytest_compiledai.workflows.profiling import Given
    from pytest_compiledai.workflows.profiling import Profiler

_Z = 1.96  # of a 95 % interval


class Shift(NamedTuple):
    """How far an agent's score moves with another setting's results; by problem, paired."""

    agent: str
    state: str
    reference: str
    other: str
    differences: tuple[float, ...]  # score with the other's result less score with the reference's

    def __str__(self) -> str:
        pairs = len(self.differences)
        if pairs < 2:  # noqa: PLR2004 - a spread takes two
            return f"{self._lead()}: {pairs} problems where both have one; nothing to say"
        mean, half = fmean(self.differences), _Z * stdev(self.differences) / pairs**0.5
        return f"{self._lead()}: {mean:+.3f} [{mean - half:+.3f}, {mean + half:+.3f}], n={pairs}"

    def _lead(self) -> str:
        return f"{self.agent} on {self.state} results of {self.other} instead of {self.reference}"


def shifts(profiler: Profiler, most: int) -> Iterator[Shift]:
    """Yield the shift of every later call; at most ``most`` calls are asked for each.

    Raises ``ModelError``.
    """
    if not most:
        return
    seen: set[tuple[str, str, str]] = set()
    for chain in profiler.chains:
        for place in range(1, len(chain)):
            before = chain[place - 1].agent
            reference, *others = profiler.settings(before)
            for other in others[-1:]:
                both = [profiler.given(chain, place, prefer=each) for each in (reference, other)]
                for state in ("correct", "wrong"):
                    key = (chain[place].agent, before, state)
                    if key not in seen:
                        seen.add(key)
                        found = _differences(profiler, chain[place], both, state, most)
                        yield Shift(chain[place].agent, state, reference, other, tuple(found))


def _differences(
    profiler: Profiler, link: Link, both: Sequence[Given], state: str, most: int
) -> list[float]:
    one, other = both
    rows = [
        row
        for row in profiler.spec.rows
        if one[row.id].get(state) and other[row.id].get(state)
        if one[row.id][state] != other[row.id][state]
    ]
    inputs = [[(row, str(each[row.id][state])) for row in rows[:most]] for each in (one, other)]
    before, after = (profiler.again(link, state, given) for given in inputs)
    return [float(new["score"] - old["score"]) for old, new in zip(before, after, strict=True)]
