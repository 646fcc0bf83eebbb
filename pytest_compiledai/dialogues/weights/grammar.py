"""Conversations from walks: every user turn is told its edge, so words and branch agree."""

from __future__ import annotations

import random
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pytest_compiledai.dialogues import machine
from pytest_compiledai.dialogues.flow import Flow
from pytest_compiledai.dialogues.weights.paths import Path
from pytest_compiledai.dialogues.weights.wording import TRAIN
from pytest_compiledai.dialogues.weights.wording import Said
from pytest_compiledai.dialogues.weights.wording import Style
from pytest_compiledai.dialogues.weights.wording import draw

#: Draws of one turn after which a walk is told in the words it was found with.
_DRAWS: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One agent turn, and the user turn that answers it."""

    node: str
    say: str  # template
    user: str = ""  # "" after a terminal
    intent: str = ""
    values: tuple[tuple[str, str | int], ...] = ()  # that the user states


Conversation = tuple[Turn, ...]


def conversations(
    flow: Flow, paths: Sequence[Path], count: int, style: Style = TRAIN, *, seed: int
) -> Iterator[Conversation]:
    """Yield ``count`` conversations: every walk in turn, in an order that the seed gives."""
    rng = random.Random(f"conversations {seed}")  # noqa: S311 - repeatable on purpose
    order: list[Path] = []
    for _ in range(count):
        if not order:
            order = list(paths)
            rng.shuffle(order)
        yield _conversation(flow, order.pop(), style, rng)


def _conversation(flow: Flow, path: Path, style: Style, rng: random.Random) -> Conversation:
    """Return the walk in fresh words; in those it was found with where fresh ones lead astray."""
    said = _fresh(flow, path, style, rng) or [step.said for step in path.steps]
    turns = [
        Turn(
            node=node,
            say=rng.choice(flow.nodes[node].say),
            user=words.text,
            intent=words.intent,
            values=tuple(sorted(words.values.items())),
        )
        for node, words in zip(path.nodes, said, strict=False)
    ]
    return (*turns, Turn(node=path.end, say=rng.choice(flow.nodes[path.end].say)))


def _fresh(flow: Flow, path: Path, style: Style, rng: random.Random) -> list[Said] | None:
    state, _ = machine.start(flow)
    found: list[Said] = []
    for step, after in zip(path.steps, path.nodes[1:], strict=True):
        for _ in range(_DRAWS):
            said = draw(flow, step.said.intent, rng, style)
            then, _ = machine.step(flow, state, said.intent, said.values)
            if then.node == after:
                break
        else:
            return None
        state = then
        found.append(said)
    return found


def states(flow: Flow, talk: Conversation) -> Iterator[machine.State]:
    """Yield the states that the state machine goes through, the first included."""
    state, _ = machine.start(flow)
    yield state
    for turn in talk:
        if turn.user:
            state, _ = machine.step(flow, state, turn.intent, dict(turn.values))
            yield state


def heard(flow: Flow, talk: Conversation) -> list[tuple[machine.State, str]]:
    """Return what the user says, each with the state it is said in."""
    return list(zip(states(flow, talk), (turn.user for turn in talk[:-1]), strict=False))
