"""Production: one function call a turn, in which the weights choose and code keeps the flow.

The shield lets the weights choose among those nodes only that the state machine allows; below the
threshold they abstain, and the conversation stands as it stood.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_compiledai.dialogues import machine
from pytest_compiledai.dialogues.flow import Flow
from pytest_compiledai.dialogues.flow import Terminal
from pytest_compiledai.dialogues.flow import filled
from pytest_compiledai.dialogues.weights import flowjson
from pytest_compiledai.dialogues.weights.network import Network
from pytest_compiledai.dialogues.weights.slots import extract

#: The file beside the tensors: the flow, the threshold and how the weights were made.
FILE = "dialogue.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the agent does in one turn."""

    node: str
    text: str  # "" where it abstains
    probability: float  # of the action, among all tokens
    terminal: Terminal | None
    abstained: bool
    state: machine.State


class Weights:
    """The frozen weights of one flow."""

    def __init__(self, folder: Path, *, threads: int = 1) -> None:
        """Open an artifact. Raises ``ValueError``, ``KeyError`` or ``OSError`` for other files."""
        import torch

        torch.set_num_threads(threads)
        record = json.loads((folder / FILE).read_text("utf-8"))
        self.flow: Flow = flowjson.read(record["flow"])
        self.threshold = float(record["threshold"])
        self.network = Network(folder, speaking(self.flow))

    def open(self) -> Conversation:
        """Return a new conversation; its first reply is ``opening``."""
        return Conversation(self)


class Conversation:
    """One conversation with the weights."""

    def __init__(self, weights: Weights) -> None:
        self.flow, self.network, self.threshold = (
            weights.flow,
            weights.network,
            weights.threshold,
        )
        self.action_seconds = 0.0  # CPU seconds until the last action was known
        self.talk = self.network.talk()
        self.state, action = machine.start(self.flow)
        shares = self.talk.hear([self.network.encoder.agent])
        self.opening = self._reply(shares[self.network.nodes.index(action.node)])

    def turn(self, text: str) -> Reply:
        """Return the agent's reply to ``text``; abstaining leaves the conversation as it was.

        Raises ``IllegalMove`` after the end.
        """
        if self.flow.nodes[self.state.node].terminal is not None:
            raise machine.IllegalMove(f"found words after `{self.state.node}`; expected none")
        begin = time.process_time()
        heard = self.network.encoder.said(text)
        after = following(self.flow, self.state, text)
        if not after or not self.talk.room(len(heard) + _REPLY):
            return self._abstained(0.0)
        kept = self.talk.length
        shares = self.talk.hear(heard)
        share, node = max((shares[self.network.nodes.index(name)], name) for name in sorted(after))
        self.action_seconds = time.process_time() - begin
        if share < self.threshold:
            self.talk.rewind(kept)
            return self._abstained(share)
        self.state = after[node]
        return self._reply(share)

    def _reply(self, share: float) -> Reply:
        node = self.flow.nodes[self.state.node]
        action = int(self.network.actions[self.network.nodes.index(node.name)])
        words = self.talk.say(action, node.say)
        return Reply(
            node=node.name,
            text=filled(words, self.state.slots),
            probability=share,
            terminal=node.terminal,
            abstained=False,
            state=self.state,
        )

    def _abstained(self, share: float) -> Reply:
        return Reply(
            node=self.state.node,
            text="",
            probability=share,
            terminal=None,
            abstained=True,
            state=self.state,
        )


#: Tokens that a reply may take; a conversation without room for it abstains.
_REPLY = 96


def speaking(flow: Flow) -> tuple[str, ...]:
    """Return the nodes at which the agent speaks, in order: the actions."""
    return tuple(node.name for node in flow.nodes.values() if not node.routes)


def following(flow: Flow, state: machine.State, text: str) -> dict[str, machine.State]:
    """Return the states that may follow ``text``, by node; of two edges to one node the first.

    An edge whose intent needs a slot that the text does not state is none of them; one that states
    more of what was found goes before others.
    """
    moves: list[tuple[int, machine.State]] = []
    for edge in flow.nodes[state.node].edges:
        intent = flow.intents[edge.intent]
        stated = extract(flow, intent, text)
        if set(intent.required) <= set(stated):
            after, _ = machine.step(flow, state, intent.name, stated)
            moves.append((-len(stated), after))
    states: dict[str, machine.State] = {}
    for _, after in sorted(moves, key=lambda move: move[0]):
        states.setdefault(after.node, after)
    return states


def as_json(reply: Reply) -> dict[str, Any]:
    """Return the form in which another process is told a reply."""
    return {
        "node": reply.node,
        "text": reply.text,
        "probability": reply.probability,
        "abstained": reply.abstained,
        "state": reply.state.as_json(),
    }
