"""Compares a player with the state machine, turn by turn, and counts what is right."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any

from pytest_compiledai.core.interval import wilson
from pytest_compiledai.dialogues import machine
from pytest_compiledai.dialogues.carriers import carried
from pytest_compiledai.dialogues.exploring import Explored
from pytest_compiledai.dialogues.exploring import Move
from pytest_compiledai.dialogues.flow import Flow
from pytest_compiledai.dialogues.flow import filled
from pytest_compiledai.dialogues.flow import placeholders
from pytest_compiledai.dialogues.player import Asked
from pytest_compiledai.dialogues.utterances import Utterance
from pytest_compiledai.dialogues.utterances import spoken

if TYPE_CHECKING:
    from pytest_compiledai.dialogues.player import Player
    from pytest_compiledai.dialogues.player import Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A turn, and what the state machine says of it."""

    asked: Asked
    intent: str
    stated: tuple[tuple[str, str | int], ...]
    expected: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many turns were answered, and how many of those rightly."""

    asked: int
    answered: int
    right: int
    stated: int  # slot values in answered turns whose intent is right
    exact: int  # of those, the ones that came out as stated

    @property
    def share(self) -> float:
        """The share of answers that are right; 0 where there is none."""
        return self.right / self.answered if self.answered else 0.0

    @property
    def coverage(self) -> float:
        """The share of turns that were answered."""
        return self.answered / self.asked if self.asked else 0.0

    @property
    def slots(self) -> float:
        """The share of slot values that came out exactly; 1 where none was stated."""
        return self.exact / self.stated if self.stated else 1.0

    def figures(self, confidence: float) -> dict[str, Any]:
        """Return the figures, each share of rights with the low end of its Wilson interval."""
        low = wilson(self.right, self.answered, confidence).low
        return {
            "turns": self.asked,
            "coverage": round(self.coverage, 4),
            "right": round(self.share, 4),
            "right_low": round(low, 4),
            "slots": round(self.slots, 4),
        }


def output(state: machine.State, action: machine.Action, intent: str | None) -> dict[str, Any]:
    """Return what a frozen artifact has to answer for a step of the state machine."""
    return {
        "state": state.as_json(),
        "reply": action.reply,
        "node": action.node,
        "intent": intent,
        "terminal": None if action.terminal is None else str(action.terminal),
    }


def single_turns(
    explored: Explored,
    *,
    held_out: bool,
    carriers: tuple[tuple[str, str], ...],
    values: int = 2,
) -> Iterator[Turn]:
    """Yield a turn for each utterance of each edge, from a state that a conversation can be in.

    With ``held_out`` wording and slot values that nothing was made from. Carriers are taken in
    turn, one an utterance.
    """
    flow = explored.flow
    states = {visit.state.node: visit.state for visit in reversed(explored.visits.values())}
    count = 0
    for node, edge in flow.edges():
        if node.name not in states:
            continue
        intent = flow.intents[edge.intent]
        told = spoken(flow, intent, held_out=held_out, values=values, held_out_values=True)
        for _, said in told:
            (text,) = carried(said.text, (carriers[count % len(carriers)],))
            count += 1
            yield turn_of(flow, states[node.name], said, text)


def turn_of(flow: Flow, state: machine.State, said: Utterance, text: str) -> Turn:
    """Return the turn in which a user at ``state`` writes ``text``, which says ``said``."""
    after, action = machine.step(flow, state, said.intent, said.values)
    return Turn(
        asked=Asked(state=state.as_json(), text=text),
        intent=said.intent,
        stated=said.slots,
        expected=output(after, action, said.intent),
    )


def walk_turns(
    flow: Flow, walk: Sequence[Move], carriers: tuple[tuple[str, str], ...]
) -> list[Turn]:
    """Return the turns of a walk, each in the wording of an example, from the state before it."""
    state, _ = machine.start(flow)
    turns = []
    for number, move in enumerate(walk):
        (text,) = carried(wording(flow, move, number), (carriers[number % len(carriers)],))
        slots = tuple(sorted(move.values(flow).items()))
        said = Utterance(text=text, intent=move.intent, slots=slots)
        turns.append(turn_of(flow, state, said, text))
        state, _ = machine.step(flow, state, move.intent, move.values(flow))
    return turns


def wording(flow: Flow, move: Move, number: int) -> str:
    """Return an example of the move's intent that states its slots; which one, ``number`` says."""
    named = {slot for slot, _ in move.written}
    known = flow.intents[move.intent]
    fitting = [text for text in known.examples if set(placeholders(text)) == named]
    # A set of slots may stand in held-out wording alone.
    templates = fitting or [text for text in known.texts if set(placeholders(text)) == named]
    return filled(templates[number % len(templates)], dict(move.written))


def counted(turns: Sequence[Turn], replies: Sequence[Reply]) -> Count:
    """Return the count of what ``replies`` say of ``turns``; a fault is an answer that is wrong."""
    answered = right = stated = exact = 0
    for turn, reply in zip(turns, replies, strict=True):
        if reply.abstained:
            continue
        answered += 1
        right += reply.value == turn.expected
        if reply.value is not None and reply.value["intent"] == turn.intent:
            slots = reply.value["state"]["slots"]
            stated += len(turn.stated)
            exact += sum(slots.get(name) == value for name, value in turn.stated)
    return Count(asked=len(turns), answered=answered, right=right, stated=stated, exact=exact)


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """How conversations went that ran freely: each reply's state goes into the next turn."""

    walks: int
    repeats: int
    passed: int  # repeats in which every turn was right
    whole: int  # walks all of whose repeats passed: pass^k is whole / walks
    wrong: int  # repeats with a wrong turn; the others abstained somewhere
    confusion: dict[str, dict[str, int]]  # terminal expected -> terminal reached, or "abstained"


def played(
    flow: Flow,
    player: Player,
    walks: Sequence[Sequence[Move]],
    *,
    repeats: int,
    carriers: tuple[tuple[str, str], ...],
) -> Played:
    """Return how ``walks`` went, each ``repeats`` times in other words, all side by side.

    A turn that abstains ends its conversation: a fallback would take over.
    """
    runs = [_Run(flow, walk, number, carriers) for walk in walks for number in range(repeats)]
    while going := [run for run in runs if run.is_going]:
        replies = player.answer([run.asked() for run in going])
        for run, reply in zip(going, replies, strict=True):
            run.take(reply)
    confusion: dict[str, dict[str, int]] = {}
    for run in runs:
        row = confusion.setdefault(run.expected, {})
        row[run.reached] = row.get(run.reached, 0) + 1
    passed = [all(r.is_right for r in runs[i : i + repeats]) for i in range(0, len(runs), repeats)]
    return Played(
        walks=len(walks),
        repeats=repeats,
        passed=sum(run.is_right for run in runs),
        whole=sum(passed),
        wrong=sum(run.is_wrong for run in runs),
        confusion={key: dict(sorted(row.items())) for key, row in sorted(confusion.items())},
    )


class _Run:
    """One conversation on its way."""

    def __init__(
        self, flow: Flow, walk: Sequence[Move], number: int, carriers: tuple[tuple[str, str], ...]
    ) -> None:
        self.flow, self.walk, self.number, self.carriers = flow, walk, number, carriers
        self.state, _ = machine.start(flow)
        self.given: Any = self.state.as_json()  # what the player said last
        self.at = 0
        self.reached = ""
        self.is_wrong = False
        states = self.state
        for move in walk:
            states, action = machine.step(flow, states, move.intent, move.values(flow))
        self.expected = action.node

    @property
    def is_going(self) -> bool:
        return not self.reached

    @property
    def is_right(self) -> bool:
        return not self.is_wrong and self.reached == self.expected

    def asked(self) -> Asked:
        move = self.walk[self.at]
        shift = self.number * 5 + self.at
        text = wording(self.flow, move, shift)
        (text,) = carried(text, (self.carriers[shift % len(self.carriers)],))
        return Asked(state=self.given, text=text)

    def take(self, reply: Reply) -> None:
        if reply.value is None:
            self.reached = "abstained" if reply.abstained else "fault"
            self.is_wrong = reply.is_fault
            return
        move = self.walk[self.at]
        self.state, action = machine.step(
            self.flow, self.state, move.intent, move.values(self.flow)
        )
        self.at += 1
        if reply.value != output(self.state, action, move.intent):
            self.is_wrong = True
            self.reached = reply.value["node"] if reply.value["terminal"] else "elsewhere"
        elif action.terminal is not None:
            self.reached = action.node
        else:
            self.given = reply.value["state"]
