"""Which programs of a launch write an element, found by asking a few of them at full size.

Programs of a grid do not see one another, so a few can run alone. Where a program writes is learnt
by running it; where the next ones write is guessed from it and its neighbours, a step of the same
length for each step of the grid, and every guess is run before it counts. A wrong guess costs time
and can never make a kernel right.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from pytest_compiledai.kernels.executing import Held
from pytest_compiledai.kernels.executing import Running
from pytest_compiledai.kernels.executing import Step
from pytest_compiledai.kernels.inside.trace import members

#: Elements that programs may load and store while their owners are looked for: three million take
#: a second in the interpreter. And programs asked for one element, of an output and of what lies
#: between launches, of which one that is not found shows in the answer.
MOST_TOUCHED, MOST_PROGRAMS, MOST_BETWEEN = 60_000_000, 512, 64
_Pieces = Sequence[Sequence[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """The elements that one program touched of each buffer that can be written."""

    writes: Mapping[str, _Pieces] = field(default_factory=dict)
    reads: Mapping[str, _Pieces] = field(default_factory=dict)  # not written by itself before


def touched(trace: Any) -> dict[int, Touched]:
    """Return what the programs of one launch touched, from a worker's answer."""
    found: dict[int, dict[str, dict[str, _Pieces]]] = {}
    for program, verb, name, pieces in trace:
        if pieces:
            held = found.setdefault(int(program), {"writes": {}, "reads": {}})
            held[verb][name] = tuple((int(first), int(end)) for first, end in pieces)
    return {program: Touched(**held) for program, held in found.items()}


class Owners:
    """The programs of a candidate's launches, by what they write."""

    def __init__(self, running: Running, held: Sequence[Held], steps: Sequence[Step]) -> None:
        """Ask over these buffers, which the first call fills and the next ones leave."""
        self._running, self._steps = running, steps
        self._held = [replace(each, returned=False) for each in held]
        self.known: list[dict[int, Touched]] = [{} for _ in steps]
        self._anchors: list[list[int]] = [[] for _ in steps]  # those that guesses start from
        self._touched = 0

    def of(self, launch: int, name: str, element: int, most: int = MOST_PROGRAMS) -> int | None:
        """Return the program of a launch that writes an element; None where none was found.

        At most ``most`` programs are asked for it.

        Raises ``FaultError`` where a program that was asked ends in one.
        """
        if name not in self._steps[launch].arguments:
            return None
        size = prod(self._steps[launch].grid)
        self._anchors[launch] = self._anchors[launch] or [0, size - 1]
        self.ask(launch, set(self._anchors[launch]))
        before = len(self.known[launch])
        while True:
            known = self.known[launch]
            for program, found in known.items():
                if _holds(found.writes.get(name, ()), element):
                    return program
            if self._touched > MOST_TOUCHED or len(known) >= min(size, before + most):
                return None
            guess = self._guess(launch, name, element)
            guess = self._between(launch) if guess is None else guess
            self._anchors[launch].append(guess)
            self.ask(launch, {guess})

    def ask(self, launch: int, programs: set[int]) -> None:
        """Run programs and keep what they touched."""
        unknown = tuple(sorted(programs - set(self.known[launch])))
        if not unknown:
            return
        step = replace(self._steps[launch], programs=unknown)
        written = self._running.call(self._held, [step])
        # From now on: a buffer of this size may take a second to fill.
        self._held = [replace(held, kept=True, data=b"") for held in self._held]
        self._touched += written.loads + written.stores
        found = touched(written.traces[0])
        self.known[launch] |= {program: found.get(program, Touched()) for program in unknown}

    def _guess(self, launch: int, name: str, element: int) -> int | None:
        """Return a program not asked yet that writes there if all step as far as a known one."""
        known = self.known[launch]
        starts = {
            anchor: pieces[0][0]
            for anchor in self._anchors[launch]
            if (pieces := known[anchor].writes.get(name))
        }
        for anchor in sorted(starts, key=lambda program: abs(starts[program] - element)):
            self.ask(launch, {one for one in self._along(launch, anchor) if one is not None})
            if there := self._stepped(launch, name, anchor, element):
                return there[0]
        return None

    def _stepped(self, launch: int, name: str, anchor: int, element: int) -> list[int]:
        """Return the programs that would write an element, the nearest one alone."""
        known, grid = self.known[launch], self._steps[launch].grid
        own = known[anchor].writes[name]
        at = np.stack(np.unravel_index(np.arange(prod(grid)), grid))
        apart = at - at[:, anchor : anchor + 1]
        ahead = np.zeros(at.shape[1], dtype=np.int64)
        may = np.ones(at.shape[1], dtype=bool)
        for axis, neighbour in enumerate(self._along(launch, anchor)):
            other = known[neighbour].writes.get(name, ()) if neighbour is not None else ()
            if not other:
                may &= apart[axis] == 0
                continue
            sign = 1 if neighbour > anchor else -1  # type: ignore[operator]
            ahead += apart[axis] * sign * (other[0][0] - own[0][0])
        before = element - ahead
        firsts, ends = (np.array(each) for each in zip(*own, strict=True))
        piece = np.searchsorted(firsts, before, side="right") - 1
        may &= (piece >= 0) & (before < ends[piece])
        may[list(known)] = False
        found = np.flatnonzero(may)
        if not found.size:
            return []
        return [int(found[np.abs(apart[:, found]).sum(axis=0).argmin()])]

    def _along(self, launch: int, program: int) -> list[int | None]:
        """Return the next program along each axis, or the one before at the end; None of one."""
        grid = self._steps[launch].grid
        found: list[int | None] = []
        for axis, size in enumerate(grid):
            at = list(map(int, np.unravel_index(program, grid)))
            at[axis] += 1 if at[axis] + 1 < size else -1
            found.append(int(np.ravel_multi_index(at, grid)) if size > 1 else None)
        return found

    def _between(self, launch: int) -> int:
        """Return a program in the middle of the widest gap of those that were asked."""
        asked = np.array(sorted(self.known[launch]))
        widest = int(np.diff(asked).argmax())
        return int(asked[widest] + asked[widest + 1]) // 2


def elements_of(places: Iterable[int]) -> Any:
    """Return places, each once and in order."""
    return np.array(sorted(set(map(int, places))), dtype=np.int64)


def without(places: Any, pieces: _Pieces) -> Any:
    """Return the places that lie in none of the pieces."""
    return np.setdiff1d(places, members(pieces), assume_unique=True)


def _holds(pieces: _Pieces, element: int) -> bool:
    return any(first <= element < end for first, end in pieces)
