"""Walks through a flow: all of them up to a bound, some held out, and what they cover."""

from __future__ import annotations

import random
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Final
from typing import NamedTuple

from pytest_compiledai.core.canonical import digest_of
from pytest_compiledai.dialogues import machine
from pytest_compiledai.dialogues.flow import Flow
from pytest_compiledai.dialogues.weights.wording import Said
from pytest_compiledai.dialogues.weights.wording import draw

#: Draws of slot values among which a guard that looks at values has to change its mind.
_DRAWS: Final = 12
#: Nodes after which one random walk gives up; a flow with escape edges never needs them.
_PATIENCE: Final = 20_000


class Step(NamedTuple):
    """One user turn of a walk: where it was said, what was meant, and words that say it."""

    node: str
    said: Said


@dataclass(frozen=True, kw_only=True)
class Path:
    """A walk from the start to a terminal; its identity is nodes and intents, never values."""

    steps: tuple[Step, ...]
    end: str

    @cached_property
    def key(self) -> str:
        """The digest of nodes and intents, 64 hex digits."""
        return digest_of([[step.node, step.said.intent] for step in self.steps] + [[self.end, ""]])

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes in the order in which the agent speaks."""
        return (*(step.node for step in self.steps), self.end)

    @property
    def transitions(self) -> tuple[tuple[str, str, str], ...]:
        """Node, intent and next node, in the order in which they are taken."""
        return tuple(
            (step.node, step.said.intent, after)
            for step, after in zip(self.steps, self.nodes[1:], strict=True)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How far a walk may go."""

    visits: int = 2  # of one node in one walk
    turns: int = 24  # of the user in one walk
    most: int = 6000  # distinct walks; beyond it they are drawn, not listed
    seed: int = 0


class Walks(NamedTuple):
    """The walks of a flow, and whether they are all there are within the bounds."""

    paths: tuple[Path, ...]
    complete: bool


def walks(flow: Flow, bounds: Bounds) -> Walks:
    """Return all walks within ``bounds``, or as many distinct drawn ones where there are more.

    Drawn walks prefer edges that were taken least, so rare branches are seen. Raises
    ``ValueError`` where no walk reaches a terminal.
    """
    listed = tuple(islice(_walk(flow, bounds, None, {}), bounds.most + 1))
    if not listed:
        raise ValueError("no walk from the start to a terminal within the bounds")
    if len(listed) <= bounds.most:
        return Walks(tuple({path.key: path for path in listed}.values()), complete=True)
    found = {path.key: path for path in (*_drawn(flow, bounds), *listed)}
    return Walks(tuple(islice(found.values(), bounds.most)), complete=False)


def _drawn(flow: Flow, bounds: Bounds) -> Iterator[Path]:
    rng = random.Random(f"walks {bounds.seed}")  # noqa: S311 - repeatable on purpose
    taken: dict[tuple[str, str], int] = {}
    seen: set[str] = set()
    for _ in range(3 * bounds.most):
        path = next(_walk(flow, bounds, rng, taken), None)
        if path is None:
            continue
        for step in path.steps:
            edge = step.node, step.said.intent
            taken[edge] = taken.get(edge, 0) + 1
        if path.key not in seen:
            seen.add(path.key)
            yield path
        if len(seen) == bounds.most:
            return


def _walk(
    flow: Flow,
    bounds: Bounds,
    rng: random.Random | None,
    taken: Mapping[tuple[str, str], int],
) -> Iterator[Path]:
    """Yield walks depth first; with ``rng`` in a random order that favours rare edges."""
    watched = frozenset(flow.watched)
    state, _ = machine.start(flow)
    stack: list[tuple[machine.State, tuple[Step, ...]]] = [(state, ())]
    met = 0
    while stack:
        state, steps = stack.pop()
        node = flow.nodes[state.node]
        met += 1
        if node.terminal is not None:
            yield Path(steps=steps, end=node.name)
            continue
        if len(steps) == bounds.turns or (rng is not None and met > _PATIENCE):
            continue
        intents = [edge.intent for edge in node.edges]
        if rng is not None:
            weight = {i: rng.random() * (1 + taken.get((node.name, i), 0)) ** 0.5 for i in intents}
            intents.sort(key=weight.__getitem__)
        visited = [step.node for step in steps] + [node.name]
        for intent in reversed(intents):
            for after, said in _outcomes(flow, state, intent, watched, rng):
                if visited.count(after.node) < bounds.visits:
                    stack.append((after, (*steps, Step(node.name, said))))


def _outcomes(
    flow: Flow,
    state: machine.State,
    intent: str,
    watched: frozenset[str],
    rng: random.Random | None,
) -> list[tuple[machine.State, Said]]:
    """Return each node that the intent can lead to, with words that lead there."""
    found: dict[str, tuple[machine.State, Said]] = {}
    own = rng or random.Random(f"{state.node} {intent}")  # noqa: S311 - repeatable on purpose
    for _ in range(_DRAWS if watched.intersection(flow.intents[intent].slots) else 1):
        said = draw(flow, intent, own)
        after, _ = machine.step(flow, state, intent, said.values)
        found.setdefault(after.node, (after, said))
    return list(found.values())


class Split(NamedTuple):
    """Walks that data is made of, and walks that no data is made of."""

    train: tuple[Path, ...]
    held_out: tuple[Path, ...]


def split(paths: Sequence[Path], *, one_in: int = 6) -> Split:
    """Hold out the walks whose digest says so, but never the only one that takes a transition."""
    chosen = sorted(
        (path for path in paths if int(path.key[:8], 16) % one_in == 0), key=lambda path: path.key
    )
    train = [path for path in paths if int(path.key[:8], 16) % one_in]
    covered = {transition for path in train for transition in path.transitions}
    held_out = []
    for path in chosen:
        if covered.issuperset(path.transitions):
            held_out.append(path)
        else:
            train.append(path)
            covered.update(path.transitions)
    return Split(tuple(train), tuple(held_out))


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What walks cover of a flow."""

    nodes: float  # share of those that say something
    edges: float  # share of (node, intent)
    paths: int  # distinct walks
    missing: tuple[str, ...]  # nodes and `node --intent-->` that no walk has


def coverage(flow: Flow, trips: Iterable[Sequence[tuple[str, str]]]) -> Coverage:
    """Return what trips cover; a trip is (node, intent) in order, the end with no intent."""
    trips = [tuple(trip) for trip in trips]
    nodes = {node.name for node in flow.nodes.values() if not node.routes}
    edges = {(node.name, edge.intent) for node, edge in flow.edges()}
    seen = {stop for trip in trips for stop in trip}
    seen_nodes = {node for node, _ in seen}
    missing = [f"{node} --{intent}-->" for node, intent in sorted(edges - seen)]
    return Coverage(
        nodes=len(nodes & seen_nodes) / max(1, len(nodes)),
        edges=len(edges & seen) / max(1, len(edges)),
        paths=len(set(trips)),
        missing=(*sorted(nodes - seen_nodes), *missing),
    )
