"""Production: one function call a turn, in which a model chooses and code keeps the flow.

    turn = opened(compiled.load("table"), abstain=compiled.Abstain)
    turn({"state": None, "text": ""})            # the first words
    turn({"state": state, "text": "a table"})    # {"state", "reply", "node", "intent", "terminal"}

The shield lets the weights choose among those nodes only that the state machine allows; below the
threshold they abstain. The state is plain JSON; nothing is kept between turns.
"""

from __future__ import annotations

import json
import time
from abc import ABC
from abc import abstractmethod
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from typing import Final
from typing import NamedTuple

from pytest_compiledai.dialogues import machine
from pytest_compiledai.dialogues.flow import Flow
from pytest_compiledai.dialogues.flow import Node
from pytest_compiledai.dialogues.flow import Terminal
from pytest_compiledai.dialogues.flow import filled
from pytest_compiledai.dialogues.weights import flowjson
from pytest_compiledai.dialogues.weights.examples import has
from pytest_compiledai.dialogues.weights.network import Network
from pytest_compiledai.dialogues.weights.slots import extract

#: The file beside the tensors: the flow, the threshold and how the weights were made.
FILE: Final = "dialogue.json"
#: Characters of a text that are looked at.
MOST_TEXT: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the agent does in one turn."""

    node: str
    text: str  # "" where it abstains
    intent: str  # "" for the opening, and where it abstains
    probability: float  # of the action, among those of the node
    terminal: Terminal | None
    abstained: bool
    state: machine.State


class Talker(ABC):
    """What takes turns on a flow: code keeps state, slots and what is legal, a subclass chooses."""

    context: int  # tokens of a turn that are looked at

    def __init__(self, record: Mapping[str, Any]) -> None:
        """Take the artifact's record. Raises ``ValueError`` or ``LookupError`` for another."""
        self.flow: Flow = flowjson.read(record["flow"])
        self.threshold = float(record["threshold"])
        self.action_seconds = 0.0  # CPU seconds until the last action was known

    @abstractmethod
    def chosen(self, state: machine.State, text: str) -> tuple[Move | None, float]:
        """Return the likeliest move, and how sure it is; None where there is none."""

    @abstractmethod
    def words(self, node: Node) -> str:
        """Return what the agent says at a node, slots in braces."""

    @abstractmethod
    def scores(self, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, float]]:
        """Return, for each turn, how sure each node that may follow is; see ``asked``."""

    @abstractmethod
    def tokens(self, row: Mapping[str, Any]) -> int:
        """Return the tokens of a turn."""

    @abstractmethod
    def rank(self, texts: Sequence[str]) -> int:
        """Return the rank, from 1, of the first text among all as the words of a user."""

    def opening(self) -> Reply:
        """Return the agent's first words."""
        state, _ = machine.start(self.flow)
        return self._reply(Move("", state), 1.0)

    def turn(self, state: machine.State, text: str) -> Reply:
        """Return the agent's reply to ``text``; abstaining leaves the state as it was.

        Raises ``IllegalMove`` for a state that no conversation can be in.
        """
        check(self.flow, state)
        begin = time.process_time()
        move, share = self.chosen(state, text[:MOST_TEXT])
        self.action_seconds = time.process_time() - begin
        if move is None or share < self.threshold:
            return _abstained(state, share)
        return self._reply(move, share)

    def _reply(self, move: Move, share: float) -> Reply:
        node = self.flow.nodes[move.state.node]
        return Reply(
            node=node.name,
            text=filled(self.words(node), move.state.slots),
            intent=move.intent,
            probability=share,
            terminal=node.terminal,
            abstained=False,
            state=move.state,
        )


class Weights(Talker):
    """The frozen weights of one flow."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        """Open an artifact's files. Raises ``ValueError`` or ``LookupError`` for others."""
        super().__init__(json.loads(files[FILE]))
        self.network = Network(files, choices(self.flow))
        self.context = self.network.context
        self._words: dict[str, str] = {}  # by node, of those that spoke

    def chosen(self, state: machine.State, text: str) -> tuple[Move | None, float]:
        """Return the likeliest move among those that may follow."""
        after = following(self.flow, state, text)
        heard = self.network.encoder.heard(state.node, has(self.flow, state), text)
        if not after or len(heard) > self.context:
            return None, 0.0
        node, share = best(after, self.network.decide(state.node, heard))
        return after[node], share

    def words(self, node: Node) -> str:
        """Return what the weights say at a node; it depends on the node alone."""
        if node.name not in self._words:
            self._words[node.name] = self.network.say(node.name, node.say)
        return self._words[node.name]

    def scores(self, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, float]]:
        """Return the probability of each node that may follow."""
        return self.network.scores(rows)

    def tokens(self, row: Mapping[str, Any]) -> int:
        """Return the tokens of a turn."""
        return len(self.network.encoder.heard(row["node"], row["has"], row["user"]))

    def rank(self, texts: Sequence[str]) -> int:
        """Return the rank of the first text by the probability of its words."""
        return self.network.rank(texts)


def talker(files: Mapping[str, bytes]) -> Talker:
    """Return what the files of an artifact hold. Raises ``ValueError`` or ``LookupError``."""
    if json.loads(files[FILE])["target"] == "weights":
        return Weights(files)
    from pytest_compiledai.dialogues.encoded.talking import Encoded  # which is made of this module

    return Encoded(files)


class Abstained(RuntimeError):
    """The weights are not sure, or were given a state that no conversation can be in."""


def opened(
    files: Mapping[str, bytes], *, abstain: type[Exception] = Abstained
) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """Return the function that takes a turn, as the frozen state machine does.

    It raises ``abstain`` where the weights abstain, and nothing has changed then. Raises
    ``ValueError`` or ``LookupError`` for files that are no weights.
    """
    taken = talker(files)

    def turn(data: Mapping[str, Any]) -> dict[str, Any]:
        """Return what follows the user's text; the state None begins a conversation."""
        text, told = data.get("text"), data.get("state")
        if not isinstance(text, str) or not _is_unicode(text):
            raise abstain("input: no text")
        try:
            reply = taken.opening() if told is None else taken.turn(read_state(told), text)
        except machine.IllegalMove as error:
            raise abstain(f"state: {error}") from None
        if reply.abstained:
            raise abstain("intent: not sure")
        return {
            "state": reply.state.as_json(),
            "reply": reply.text,
            "node": reply.node,
            "intent": reply.intent or None,
            "terminal": None if reply.terminal is None else str(reply.terminal),
        }

    return turn


def _is_unicode(text: str) -> bool:
    """Return whether a text has no half of a surrogate pair, which no tokenizer takes."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def read_state(value: Any) -> machine.State:
    """Return a state from its JSON form. Raises ``IllegalMove``."""
    if not isinstance(value, dict) or sorted(value) != ["node", "slots", "turns"]:
        raise machine.IllegalMove("found no state; expected node, slots and turns")
    if not isinstance(value["node"], str) or not isinstance(value["slots"], dict):
        raise machine.IllegalMove("found no state; expected a node's name and slots by name")
    return machine.State(node=value["node"], slots=value["slots"], turns=value["turns"])


def _abstained(state: machine.State, share: float) -> Reply:
    return Reply(
        node=state.node,
        text="",
        intent="",
        probability=share,
        terminal=None,
        abstained=True,
        state=state,
    )


class Move(NamedTuple):
    """An intent, and the state it leads to."""

    intent: str
    state: machine.State
    #: Nodes that only this edge leads to, and not now: slots decide, so their share is this move's.
    spare: frozenset[str] = frozenset()


def speaking(flow: Flow) -> tuple[str, ...]:
    """Return the nodes at which the agent speaks, in order."""
    return tuple(node.name for node in flow.nodes.values() if not node.routes)


def choices(flow: Flow) -> dict[str, list[str]]:
    """Return the nodes that may follow each node at which the agent speaks; none after an end."""
    return {
        name: sorted({n for edge in flow.nodes[name].edges for n in flow.landings(edge.to)})
        for name in speaking(flow)
    }


def following(flow: Flow, state: machine.State, text: str) -> dict[str, Move]:
    """Return what may follow ``text``, by node; of two edges to one node the first.

    An edge whose intent needs a slot that the text does not state is none of them; one that states
    more of what was found goes before others.
    """
    ways = {edge.intent: flow.landings(edge.to) for edge in flow.nodes[state.node].edges}
    found: dict[str, Move] = {}
    own: dict[str, frozenset[str]] = {}  # what nothing but the edges that lead to a node may reach
    for _, move in sorted(moves(flow, state, text), key=lambda move: move[0]):
        name = move.state.node
        found.setdefault(name, move)
        others = frozenset().union(*(way for key, way in ways.items() if key != move.intent))
        own[name] = own.get(name, frozenset()) | (ways[move.intent] - others)
    for name, move in found.items():
        found[name] = move._replace(spare=own[name] - found.keys())
    return found


def moves(flow: Flow, state: machine.State, text: str) -> Iterator[tuple[int, Move]]:
    """Yield each edge whose slots ``text`` states: minus the number of slots, and the move."""
    for edge in flow.nodes[state.node].edges:
        intent = flow.intents[edge.intent]
        stated = extract(flow, intent, text)
        if set(intent.required) <= set(stated):
            after, _ = machine.step(flow, state, intent.name, stated)
            yield -len(stated), Move(intent.name, after)


def best(after: Mapping[str, Move], shares: Mapping[str, float]) -> tuple[str, float]:
    """Return the likeliest node of those that may follow, and its share; "" where none may."""
    worth = {
        name: sum(shares.get(node, 0.0) for node in (name, *sorted(after[name].spare)))
        for name in sorted(after)
    }
    node = max(worth, key=worth.__getitem__, default="")
    return node, worth.get(node, 0.0)


def asked(flow: Flow, state: machine.State, text: str) -> dict[str, Any]:
    """Return a turn in the form in which another process is asked about it."""
    return {
        "node": state.node,
        "has": has(flow, state),
        "user": text,
        "slots": dict(state.slots),
        "turns": state.turns,
    }


def check(flow: Flow, state: machine.State) -> None:
    """Refuse a state that no conversation of the flow can be in. Raises ``IllegalMove``."""
    node = flow.nodes.get(state.node)
    if node is None or not node.asks:
        raise machine.IllegalMove(f"found words at `{state.node}`; expected a node that asks")
    if type(state.turns) is not int or state.turns < 0:
        raise machine.IllegalMove(f"found {state.turns!r} turns; expected a whole number")
    for name, value in state.slots.items():
        if name not in flow.slots or not flow.slots[name].is_value(value):
            raise machine.IllegalMove(f"found `{name}` {value!r}; expected a value of a slot")


def as_json(reply: Reply) -> dict[str, Any]:
    """Return the form in which another process is told a reply."""
    return {
        "node": reply.node,
        "text": reply.text,
        "intent": reply.intent,
        "probability": reply.probability,
        "abstained": reply.abstained,
        "state": reply.state.as_json(),
    }
