"""Looks for trade-offs where a space is too large to replay and has no exact rule: NSGA-II.

What it finds is replayed like everything else; that nothing better was left out is not proved, and
the set's `method` says so. The NSGA-II is pymoo's; equal seeds and releases try the same
configurations.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from importlib.metadata import version
from typing import Any
from typing import Final

import numpy as np

from pytest_compiledai.workflows.profile import Floats
from pytest_compiledai.workflows.profile import Ints

#: A point: the number of a structure, and by slot of that structure the index of its setting.
Point = tuple[int, tuple[int, ...]]

POPULATION: Final = 200
MOST_TRIED: Final = 10_000
_GENERATIONS: Final = 200  # when most of what it breeds is known already
_SEED: Final = 1


@dataclass(slots=True)
class Space:
    """A space of structures, each with slots of so many settings."""

    sizes: Sequence[Mapping[str, int]]  # by structure: slot -> its settings
    figures: Callable[[int, Mapping[str, int]], tuple[float, ...]]  # less is better
    tried: dict[Point, tuple[float, ...]] = field(default_factory=dict)

    @property
    def slots(self) -> dict[str, int]:
        """The slots of all structures and how many settings each has."""
        return {slot: size for sizes in self.sizes for slot, size in sizes.items()}

    def point(self, genes: Ints) -> Point:
        """Return the point that genes say: a structure, then a setting for every slot there is."""
        structure = int(genes[0])
        by_slot = dict(zip(self.slots, map(int, genes[1:]), strict=True))
        return structure, tuple(by_slot[slot] for slot in self.sizes[structure])

    def tell(self, genes: Ints) -> tuple[float, ...]:
        """Return the figures of a point, measured once."""
        point = self.point(genes)
        if point not in self.tried:
            structure, settings = point
            chosen = dict(zip(self.sizes[structure], settings, strict=True))
            self.tried[point] = self.figures(structure, chosen)
        return self.tried[point]


def method() -> str:
    """Return how a set found here was found."""
    return f"NSGA-II (pymoo {version('pymoo')}), per query; not proved to hold every trade-off"


def evolved(space: Space) -> list[Point]:
    """Return the points that were tried, in the order of trying.

    Structures of one slot are tried at every setting first. Raises ``ImportError`` without pymoo.
    """
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.operators.crossover.sbx import SBX
    from pymoo.operators.mutation.pm import PM
    from pymoo.operators.repair.rounding import RoundingRepair
    from pymoo.optimize import minimize

    start = _start(space)
    for genes in start[: _singles(space)]:
        space.tell(genes)
    algorithm = NSGA2(
        pop_size=POPULATION,
        sampling=start[:POPULATION],
        crossover=SBX(vtype=float, repair=RoundingRepair()),
        mutation=PM(vtype=float, repair=RoundingRepair()),
        eliminate_duplicates=True,
    )
    minimize(
        _problem(space), algorithm, ("n_gen", _GENERATIONS), seed=_SEED, callback=_Enough(space)
    )
    return list(space.tried)


class _Enough:
    """Ends the search once enough was tried."""

    def __init__(self, space: Space) -> None:
        self.space = space

    def __call__(self, algorithm: Any) -> None:
        if len(self.space.tried) >= MOST_TRIED:
            algorithm.termination.terminate()


def _problem(space: Space) -> Any:
    from pymoo.core.problem import Problem

    class _Problem(Problem):  # type: ignore[misc]  # pymoo has no types
        def _evaluate(self, x: Floats, out: dict[str, Any], *_: Any, **__: Any) -> None:
            out["F"] = np.array([space.tell(genes) for genes in x.astype(int)])

    highest = [len(space.sizes) - 1, *(size - 1 for size in space.slots.values())]
    objectives = len(space.tell(_start(space)[0]))
    return _Problem(n_var=len(highest), n_obj=objectives, xl=0, xu=np.array(highest), vtype=int)


def _singles(space: Space) -> int:
    return sum(size for sizes in space.sizes if len(sizes) == 1 for size in sizes.values())


def _start(space: Space) -> Ints:
    """Return the genes to begin with: structures of one slot at every setting, then random ones."""
    slots = space.slots
    rng = np.random.default_rng(_SEED)
    rows = []
    for structure, sizes in enumerate(space.sizes):
        if len(sizes) == 1:
            ((slot, size),) = sizes.items()
            rows += [[structure, *(n * (other == slot) for other in slots)] for n in range(size)]
    while len(rows) < POPULATION:
        drawn = [int(rng.integers(size)) for size in slots.values()]
        rows.append([int(rng.integers(len(space.sizes))), *drawn])
    return np.array(rows)
