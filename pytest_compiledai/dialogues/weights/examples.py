"""What weights are trained on: single turns of walks, each with the state it is said in.

Each way to take an edge comes up about as often as the square root of the walks that go it, so that
what walks seldom do is learned too. Some users say what means nothing at their node.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import asdict
from dataclasses import dataclass
from itertools import accumulate
from typing import Any
from typing import Final
from typing import NamedTuple

from pytest_compiledai.dialogues import machine
from pytest_compiledai.dialogues.flow import Flow
from pytest_compiledai.dialogues.flow import placeholders
from pytest_compiledai.dialogues.flow import words_of
from pytest_compiledai.dialogues.weights.paths import Path
from pytest_compiledai.dialogues.weights.phrasings import Phrasings
from pytest_compiledai.dialogues.weights.wording import TRAIN
from pytest_compiledai.dialogues.weights.wording import Said
from pytest_compiledai.dialogues.weights.wording import Style
from pytest_compiledai.dialogues.weights.wording import hollow
from pytest_compiledai.dialogues.weights.wording import nothing
from pytest_compiledai.dialogues.weights.wording import shape
from pytest_compiledai.dialogues.weights.wording import written

#: Draws of words after which a turn is told in those that its walk was found with.
_DRAWS: Final = 12
_UNSURE: Final = 0.18  # share of turns that mean nothing at their node
_UNSURE_ENCODED: Final = 0.15  # the same for an encoder
#: Of these: what means something elsewhere, examples without their telling words, and anything.
_FOREIGN, _HOLLOW, _ANY = range(3)
_SPOKEN: Final = 8  # of so many examples one teaches what the agent says at a node


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One user turn and the action after it, or a node and what the agent says there."""

    node: str  # where the user speaks; "" where the agent does
    has: tuple[str, ...] = ()  # slots that are filled then, of those that guards look at
    user: str = ""
    intent: str = ""
    after: str  # the node that follows; "" where the words mean nothing here
    action: str = ""  # the node that stands for the edge, see `standing`; "" where there is none
    say: str = ""  # template of the agent's words; "" where the user speaks

    def as_json(self) -> dict[str, Any]:
        """Return the form that files carry."""
        return asdict(self)


class Situation(NamedTuple):
    """A turn of a walk before anybody has put it in words."""

    state: machine.State
    said: Said  # words that lead there
    after: str


def situations(flow: Flow, paths: Sequence[Path]) -> dict[tuple[str, str, str], list[Situation]]:
    """Return the turns of walks by node, intent and the node that follows."""
    found: dict[tuple[str, str, str], list[Situation]] = {}
    for path in paths:
        state, _ = machine.start(flow)
        for step in path.steps:
            after, _ = machine.step(flow, state, step.said.intent, step.said.values)
            told = found.setdefault((step.node, step.said.intent, after.node), [])
            told.append(Situation(state, step.said, after.node))
            state = after
    return found


def examples(
    flow: Flow,
    paths: Sequence[Path],
    count: int,
    phrased: Phrasings | None = None,
    *,
    seed: int,
    style: Style = TRAIN,
) -> Iterator[Example]:
    """Yield ``count`` turns of ``paths`` in fresh words: of examples, and of what is phrased.

    In the ``style`` of an encoder no example is emptied: its frame is near, whatever is in it.
    """
    rng = random.Random(f"examples {seed}")  # noqa: S311 - repeatable on purpose
    by_edge = situations(flow, paths)
    edges = sorted(by_edge)
    weights = list(accumulate(len(by_edge[edge]) ** 0.5 for edge in edges))
    nodes = sorted({node for node, _, _ in edges})
    foreign = {node: _foreign(flow, node) for node in nodes}
    bare = {node: _bare(flow, node) if style.often else None for node in nodes}
    unsure = _UNSURE if style.often else _UNSURE_ENCODED
    speaking = [node for node in flow.nodes.values() if not node.routes]
    once = list(reversed(edges))  # the first turns take each edge once, so that none is left out
    for number in range(count):
        if number % _SPOKEN == 0:
            node = speaking[number // _SPOKEN % len(speaking)]
            yield Example(node="", after=node.name, say=rng.choice(node.say))
            continue
        sure = bool(once) or rng.random() >= unsure
        edge = once.pop() if once else rng.choices(edges, cum_weights=weights)[0]
        situation = rng.choice(by_edge[edge])
        if sure:
            texts = (*flow.intents[edge[1]].examples, *(phrased or {}).get(edge[:2], ()))
            yield _told(flow, situation, texts, rng, style)
        else:
            user = _meaning_nothing(flow, foreign[edge[0]], bare[edge[0]], rng, style)
            state = situation.state
            yield Example(node=state.node, has=has(flow, state), user=user, after="")


def has(flow: Flow, state: machine.State) -> tuple[str, ...]:
    """Return the filled slots that a guard looks at, sorted."""
    return tuple(slot for slot in flow.watched if slot in state.slots)


def _told(
    flow: Flow, situation: Situation, texts: Sequence[str], rng: random.Random, style: Style
) -> Example:
    """Return the turn in fresh words; in those it was found with where fresh ones lead astray."""
    state, said = situation.state, situation.said
    for _ in range(_DRAWS):
        fresh = written(flow, said.intent, rng.choice(texts), rng, style)
        then, _ = machine.step(flow, state, fresh.intent, fresh.values)
        if then.node == situation.after:
            said = fresh
            break
    return Example(
        node=state.node,
        has=has(flow, state),
        user=said.text,
        intent=said.intent,
        after=situation.after,
        action=standing(flow, state.node, said.intent, situation.after),
    )


def standing(flow: Flow, node: str, intent: str, after: str) -> str:
    """Return the node that stands for an edge that led to ``after``.

    That is one that no other edge of the node leads to, where there is one. Words tell the edge;
    where it leads is told by slots, and code knows them: no network has to learn `amount > 5000`.
    """
    ways = {edge.intent: flow.landings(edge.to) for edge in flow.nodes[node].edges}
    others = frozenset().union(*(way for name, way in ways.items() if name != intent))
    return min(ways[intent] - others, default=after)


def _foreign(flow: Flow, node: str) -> list[tuple[str, str]]:
    """Return intents with examples that look like none that the node has an edge for."""
    legal = {edge.intent for edge in flow.nodes[node].edges}
    own = {shape(text) for intent in legal for text in flow.intents[intent].examples}
    return [
        (intent.name, text)
        for intent in flow.intents.values()
        for text in intent.examples
        if shape(text) not in own
    ]


def _bare(flow: Flow, node: str) -> list[tuple[str, frozenset[str]]]:
    """Return examples of the node's edges, each with the words that tell it from the other edges.

    Without these an example is a frame: `it is` tells nothing, whatever follows.
    """
    legal = [flow.intents[edge.intent] for edge in flow.nodes[node].edges]
    words = {i.name: {w for text in i.examples for w in words_of(text)} for i in legal}
    whole = [f" {' '.join(words_of(text))} " for intent in legal for text in intent.examples]
    found = []
    for intent in legal:
        others = frozenset().union(*(words[name] for name in words if name != intent.name))
        telling = frozenset(words[intent.name]) - others
        for text in intent.examples:
            left = ["" if word in telling else word for word in words_of(text)]
            frame = f" {' '.join(left)} "
            if "" in left and not placeholders(text) and not any(e in frame for e in whole):
                found.append((text, telling))
    return found


def _meaning_nothing(
    flow: Flow,
    foreign: Sequence[tuple[str, str]],
    bare: Sequence[tuple[str, frozenset[str]]] | None,
    rng: random.Random,
    style: Style,
) -> str:
    """Return words that say nothing that the node has an edge for."""
    kind = rng.choice((_FOREIGN, _ANY) if bare is None else (_FOREIGN, _HOLLOW, _ANY))
    if foreign and kind == _FOREIGN:
        return written(flow, *rng.choice(foreign), rng, style).text
    if bare and kind == _HOLLOW:
        return hollow(flow, *rng.choice(bare), rng)
    return nothing(flow, rng, style)
