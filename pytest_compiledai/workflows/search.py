"""The exact front of a series-parallel workflow when figures are means: no setting is pruned away.

Every rule rises with each part's accuracy and, where it matters, with each part's speed, so that a
dominated point of a part is dominated in the whole (Bellman's principle for partial orders).
Means multiply as if parts failed independently; `replay` then composes the points found per query.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple

import numpy as np

from pytest_compiledai.workflows import graph
from pytest_compiledai.workflows.front import Front
from pytest_compiledai.workflows.front import either
from pytest_compiledai.workflows.front import front_of
from pytest_compiledai.workflows.front import joined
from pytest_compiledai.workflows.front import series
from pytest_compiledai.workflows.front import union
from pytest_compiledai.workflows.graph import Step
from pytest_compiledai.workflows.independent import unread
from pytest_compiledai.workflows.profile import Floats
from pytest_compiledai.workflows.profile import Ints


class Means(NamedTuple):
    """Mean seconds and accuracy of an agent, by setting."""

    seconds: Floats
    accuracy: Floats


class Unsearchable(ValueError):
    """A step for which means have no rule that is monotone."""


@dataclass(frozen=True, slots=True)
class Found:
    """A front and how its points are read."""

    front: Front
    structure: Ints  # by point: which of the structures
    settings: Mapping[str, Ints]  # slot -> by point the index of its setting, -1: no such slot

    def chosen(self, point: int) -> dict[str, int]:
        """Return the index of the setting of each slot that a point has."""
        return {slot: int(by[point]) for slot, by in self.settings.items() if by[point] >= 0}


class _Node(NamedTuple):
    """A front with the parts its points index."""

    front: Front
    parts: tuple[_Node, ...]
    slot: str  # of a leaf; "" for two merged parts; "|" for alternatives


def search(step: Step, means: Mapping[str, Means], *, parallel: bool = False) -> Found:
    """Return the exact front of all settings and structures of ``step``, means by agent.

    ``parallel``: branches run side by side, so that the slowest counts; else their times add up.
    Raises ``Unsearchable`` for a vote, a router, a gate or a map.
    """
    known: dict[object, _Node] = {}
    nodes = [_of_structure(s, means, known, parallel=parallel) for s in graph.structures(step)]
    whole = _alternatives(nodes)
    settings = {slot: np.full(len(whole.front), -1) for slot in graph.slots(step)}
    _trace(whole, np.arange(len(whole.front)), np.arange(len(whole.front)), settings)
    return Found(whole.front, whole.front.origin[:, 0], settings)


def _of_structure(
    step: Step, means: Mapping[str, Means], known: dict[object, _Node], *, parallel: bool
) -> _Node:
    """Return the node of a structure; a slot that distant parts share is tried one by one."""
    shared = sorted(_shared(step))
    agents = graph.slots(step)
    spaces = [range(len(means[agents[slot]].seconds)) for slot in shared]
    options = []
    for chosen in itertools.product(*spaces):
        maker = _Maker(means, dict(zip(shared, chosen, strict=True)), parallel, known)
        options.append(maker.node(step))
    return options[0] if len(options) == 1 else _alternatives(options)


class _Maker:
    """Makes the nodes of a structure; equal parts of several structures are made once."""

    def __init__(
        self,
        means: Mapping[str, Means],
        fixed: Mapping[str, int],
        parallel: bool,  # noqa: FBT001 - passed on
        known: dict[object, _Node],
    ) -> None:
        self.means = means
        self.fixed = fixed
        self.parallel = parallel
        self.known = known

    def node(self, step: Step) -> _Node:
        """Return the node of a step."""
        fixed = tuple((slot, self.fixed[slot]) for slot in graph.slots(step) if slot in self.fixed)
        key = (graph.numbered(step), fixed)
        if key not in self.known:
            self.known[key] = self._made(step)
        return self.known[key]

    def _made(self, step: Step) -> _Node:
        match step:
            case graph.Call():
                return self._leaf(step)
            case graph.Sequence(steps=steps) if not unread(step):
                return reduce(_series, map(self.node, steps))
            case graph.Join(branches=branches):
                if self._is_repeat(branches):
                    return self._repeated(branches, every=True)
                return reduce(self._join, map(self.node, branches))
            case graph.Best(branches=branches, judge=judge):
                return _series(self._any(branches), self.node(judge))
            case _:
                raise Unsearchable(graph.label(step))

    def _any(self, branches: Sequence[Step]) -> _Node:
        """Return the node of branches of which one has to be right; equal calls first."""
        groups: dict[Step, list[Step]] = {}
        for branch in branches:
            groups.setdefault(graph.numbered(branch), []).append(branch)
        return reduce(self._either, [self._group(group) for group in groups.values()])

    def _group(self, group: Sequence[Step]) -> _Node:
        if self._is_repeat(group):
            return self._repeated(group, every=False)
        return reduce(self._either, map(self.node, group))

    def _either(self, a: _Node, b: _Node) -> _Node:
        return _Node(either(a.front, b.front, parallel=self.parallel), (a, b), "")

    def _join(self, a: _Node, b: _Node) -> _Node:
        return _Node(joined(a.front, b.front, parallel=self.parallel), (a, b), "")

    def _leaf(self, call: graph.Call) -> _Node:
        means = self.means[call.agent]
        if call.slot not in self.fixed:
            return _Node(front_of(means.seconds, means.accuracy), (), call.slot)
        index = self.fixed[call.slot]
        one = Front(means.seconds[[index]], means.accuracy[[index]], np.array([[index]]))
        return _Node(one, (), call.slot)

    def _is_repeat(self, branches: Sequence[Step]) -> bool:
        """Return whether the branches are calls of one slot, whose setting is still open."""
        if len(branches) == 1 or not all(isinstance(branch, graph.Call) for branch in branches):
            return False
        names = {slot for branch in branches for slot in graph.slots(branch)}
        return len(names) == 1 and not names & set(self.fixed)

    def _repeated(self, branches: Sequence[Step], *, every: bool) -> _Node:
        """Return the leaf of several calls at one setting."""
        ((slot, agent),) = graph.slots(branches[0]).items()
        count, p = len(branches), self.means[agent].accuracy
        accuracy = p**count if every else 1 - (1 - p) ** count
        seconds = self.means[agent].seconds * (1 if self.parallel else count)
        return _Node(front_of(seconds, accuracy), (), slot)


def _series(a: _Node, b: _Node) -> _Node:
    return _Node(series(a.front, b.front), (a, b), "")


def _alternatives(nodes: Sequence[_Node]) -> _Node:
    return _Node(union([node.front for node in nodes]), tuple(nodes), "|")


def _shared(step: Step) -> set[str]:
    """Return the slots that parts share which are not repeats under one step."""
    places: dict[str, list[int]] = {}
    _note(step, places)
    return {slot for slot, where in places.items() if len(set(where)) > 1}


def _note(step: Step, places: dict[str, list[int]]) -> None:
    for part in graph.parts(step):
        if isinstance(part, graph.Call):
            # Calls of one slot below one judge or join merge as a power; elsewhere each counts.
            merges = isinstance(step, graph.Best | graph.Join) and part in step.branches
            alone = len({p.slot for p in graph.calls(step)}) == 1 or isinstance(step, graph.Best)
            places.setdefault(part.slot, []).append(id(step) if merges and alone else id(part))
        _note(part, places)


def _trace(node: _Node, points: Ints, rows: Ints, settings: Mapping[str, Ints]) -> None:
    """Write into ``rows`` of each slot's array the settings that ``points`` of a node have."""
    origin = node.front.origin[points]
    if node.slot == "|":
        for which, part in enumerate(node.parts):
            here = origin[:, 0] == which
            if here.any():
                _trace(part, origin[here, 1], rows[here], settings)
    elif node.slot:
        settings[node.slot][rows] = origin[:, 0]
    else:
        for side, part in enumerate(node.parts):
            _trace(part, origin[:, side], rows, settings)
