"""Turns along every edge of a flow: an edge that walks seldom take has to be known as well."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Final
from typing import NamedTuple

from pytest_compiledai.dialogues import machine
from pytest_compiledai.dialogues.flow import Flow
from pytest_compiledai.dialogues.weights.examples import Situation
from pytest_compiledai.dialogues.weights.examples import situations
from pytest_compiledai.dialogues.weights.paths import Path
from pytest_compiledai.dialogues.weights.talking import best
from pytest_compiledai.dialogues.weights.talking import following
from pytest_compiledai.dialogues.weights.wording import Style
from pytest_compiledai.dialogues.weights.wording import draw

_STYLE: Final = Style(carriers="train", noise=0.35)

Edge = tuple[str, str]  # node, intent


class Turn(NamedTuple):
    """A user's words, the state they are said in, and the node that has to follow."""

    state: machine.State
    text: str
    after: str


def along(flow: Flow, paths: Sequence[Path], count: int) -> dict[Edge, tuple[Turn, ...]]:
    """Return ``count`` turns along each edge that ``paths`` take, in fresh words."""
    told: dict[Edge, list[Situation]] = defaultdict(list)
    for (node, intent, _), found in sorted(situations(flow, paths).items()):
        told[node, intent] += found
    return {edge: _turns(flow, edge, found, count) for edge, found in told.items()}


def _turns(flow: Flow, edge: Edge, told: Sequence[Situation], count: int) -> tuple[Turn, ...]:
    rng = random.Random(f"along {edge}")  # noqa: S311 - repeatable on purpose
    found = []
    for _ in range(count):
        state = rng.choice(told).state
        said = draw(flow, edge[1], rng, _STYLE)
        after, _ = machine.step(flow, state, edge[1], said.values)
        found.append(Turn(state, said.text, after.node))
    return tuple(found)


def right(
    flow: Flow, turns: Sequence[Turn], shares: Sequence[Mapping[str, float]]
) -> list[tuple[bool, float]]:
    """Return whether production would go where each turn leads, and how sure it is."""
    chosen = (
        best(following(flow, turn.state, turn.text), row)
        for turn, row in zip(turns, shares, strict=True)
    )
    return [(node == turn.after, share) for (node, share), turn in zip(chosen, turns, strict=True)]
