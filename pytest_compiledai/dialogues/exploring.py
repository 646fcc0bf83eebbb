"""Every way through a flow: the states that guards tell apart, and walks that cover its edges."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from pytest_compiledai.dialogues import machine
from pytest_compiledai.dialogues.flow import Flow
from pytest_compiledai.dialogues.flow import Intent
from pytest_compiledai.dialogues.flow import placeholders
from pytest_compiledai.dialogues.guards import TURNS
from pytest_compiledai.dialogues.guards import Compared
from pytest_compiledai.dialogues.guards import Guard
from pytest_compiledai.dialogues.guards import Joined
from pytest_compiledai.dialogues.guards import Not
from pytest_compiledai.dialogues.guards import holds
from pytest_compiledai.dialogues.guards import names

#: States beyond which a flow is too large to be explored; lint says so.
STATES_CAP: Final = 60_000
#: Combinations of slot values that are tried for one utterance.
CHOICES_CAP: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What a user means in one turn: an intent, and the slots stated, as they are written."""

    intent: str
    written: tuple[tuple[str, str], ...] = ()  # sorted by slot

    def values(self, flow: Flow) -> dict[str, str | int]:
        """Return the slots as the machine keeps them."""
        return {name: flow.slots[name].value_of(text) for name, text in self.written}


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A state as it was first met: how it was reached, and what can follow."""

    state: machine.State
    action: machine.Action
    before: _Key | None
    move: Move | None


_Key = tuple[str, tuple[tuple[str, bool | tuple[bool, ...]], ...], int]


class Explored:
    """The reachable states of a flow, each pair of states that no guard tells apart once."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self._guards = [r.when for n in flow.nodes.values() for r in n.routes if r.when is not None]
        self._atoms = _atoms(self._guards)
        self._told = frozenset().union(*map(names, self._guards)) if self._guards else frozenset()
        self._turns = max((v for a in self._atoms.get(TURNS, ()) for v in _numbers(a)), default=-1)
        self.said: set[tuple[str, str]] = set()  # (node, slot) said while it was not filled
        self.visits: dict[_Key, Visit] = {}
        self.arcs: dict[_Key, list[tuple[Move, _Key]]] = {}
        self.is_whole = True  # False: more states than the cap
        self._explore()

    def _explore(self) -> None:
        first = self._met(*machine.start(self.flow), None, None)
        waiting = deque([first])
        while waiting:
            key = waiting.popleft()
            visit = self.visits[key]
            arcs = self.arcs.setdefault(key, [])
            for edge in self.flow.nodes[visit.state.node].edges:
                for move in self.moves(self.flow.intents[edge.intent]):
                    state, action = machine.step(
                        self.flow, visit.state, move.intent, move.values(self.flow)
                    )
                    known = len(self.visits)
                    after = self._met(state, action, key, move)
                    arcs.append((move, after))
                    if len(self.visits) > known:
                        waiting.append(after)
            if len(self.visits) > STATES_CAP:
                self.is_whole = False
                return

    def _met(
        self, state: machine.State, action: machine.Action, before: _Key | None, move: Move | None
    ) -> _Key:
        for text in self.flow.nodes[state.node].say:
            self.said |= {(state.node, s) for s in placeholders(text) if s not in state.slots}
        key = self._key(state)
        visit = Visit(state=state, action=action, before=before, move=move)
        self.visits.setdefault(key, visit)
        return key

    def _key(self, state: machine.State) -> _Key:
        """Return what guards, and slots that are said, can see of a state."""
        seen = tuple(
            (slot, tuple(holds(atom, state.slots) for atom in self._atoms.get(slot, ())))
            if slot in self._told
            else (slot, True)
            for slot in sorted(state.slots)
        )
        return state.node, seen, min(state.turns, self._turns + 1)

    def moves(self, intent: Intent) -> Iterator[Move]:
        """Yield an intent's moves: each set of slots that utterances state, each kind of value."""
        for named in dict.fromkeys(tuple(sorted(placeholders(t))) for t in intent.texts):
            choices: list[tuple[tuple[str, str], ...]] = [()]
            for slot in named:
                kinds = self._kinds(slot)
                choices = [(*c, (slot, text)) for c in choices for text in kinds][:CHOICES_CAP]
            yield from (Move(intent=intent.name, written=choice) for choice in choices)

    def _kinds(self, name: str) -> list[str]:
        """Return one written value for each way that guards can judge the slot."""
        slot = self.flow.slots[name]
        kinds: dict[tuple[bool, ...], str] = {}
        for text in (*slot.written(), *slot.written(held_out=True)):
            values = {name: slot.value_of(text)}
            kinds.setdefault(tuple(holds(a, values) for a in self._atoms.get(name, ())), text)
        return list(kinds.values())

    @cached_property
    def nodes(self) -> frozenset[str]:
        """The nodes at which a conversation can be, routing ones that lead there apart."""
        return frozenset(visit.state.node for visit in self.visits.values())

    @cached_property
    def edges(self) -> frozenset[tuple[str, str]]:
        """The edges, as (node, intent), that a conversation can take."""
        return frozenset((key[0], move.intent) for key, a in self.arcs.items() for move, _ in a)

    @cached_property
    def stuck(self) -> frozenset[str]:
        """The nodes with a state from which no terminal can be reached."""
        back: dict[_Key, list[_Key]] = {}
        for key, arcs in self.arcs.items():
            for _, after in arcs:
                back.setdefault(after, []).append(key)
        waiting = [k for k, visit in self.visits.items() if visit.action.terminal is not None]
        ending = set(waiting)
        while waiting:
            for key in back.get(waiting.pop(), ()):
                if key not in ending:
                    ending.add(key)
                    waiting.append(key)
        return frozenset(key[0] for key in self.visits if key not in ending)

    def way(self, key: _Key) -> tuple[Move, ...]:
        """Return the moves by which a state was first reached."""
        moves: list[Move] = []
        visit = self.visits[key]
        while visit.before is not None and visit.move is not None:
            moves.append(visit.move)
            visit = self.visits[visit.before]
        return tuple(reversed(moves))

    def terminal_walks(self) -> dict[str, tuple[Move, ...]]:
        """Return the shortest walk to each terminal that can be reached, by its node."""
        found: dict[str, tuple[Move, ...]] = {}
        for key, visit in self.visits.items():
            if visit.action.terminal is not None:
                found.setdefault(visit.state.node, self.way(key))
        return dict(sorted(found.items()))

    def edge_walks(self) -> list[tuple[Move, ...]]:
        """Return walks to a terminal that together take every edge that can be taken."""
        ends = self._ends()
        open_edges = set(self.edges)
        walks: list[tuple[Move, ...]] = []
        for key, arcs in self.arcs.items():
            for move, after in arcs:
                if (key[0], move.intent) in open_edges and after in ends:
                    walk = (*self.way(key), move, *ends[after])
                    open_edges -= self._taken(walk)
                    walks.append(walk)
        return walks

    def _taken(self, walk: tuple[Move, ...]) -> set[tuple[str, str]]:
        state, _ = machine.start(self.flow)
        taken = set()
        for move in walk:
            taken.add((state.node, move.intent))
            state, _ = machine.step(self.flow, state, move.intent, move.values(self.flow))
        return taken

    def _ends(self) -> Mapping[_Key, tuple[Move, ...]]:
        """Return the moves from each state to a nearest terminal."""
        back: dict[_Key, list[tuple[Move, _Key]]] = {}
        for key, arcs in self.arcs.items():
            for move, after in arcs:
                back.setdefault(after, []).append((move, key))
        ends: dict[_Key, tuple[Move, ...]] = {
            k: () for k, visit in self.visits.items() if visit.action.terminal is not None
        }
        waiting = deque(ends)
        while waiting:
            after = waiting.popleft()
            for move, key in back.get(after, ()):
                if key not in ends:
                    ends[key] = (move, *ends[after])
                    waiting.append(key)
        return ends


def _atoms(guards: list[Guard]) -> dict[str, tuple[Guard, ...]]:
    """Return the comparisons of each slot in all guards."""
    found: dict[str, dict[Guard, None]] = {}

    def look(guard: Guard) -> None:
        match guard:
            case Compared(slot=slot):
                found.setdefault(slot, {})[guard] = None
            case Not(of=inner):
                look(inner)
            case Joined(of=parts):
                for part in parts:
                    look(part)
            case _:
                pass  # a slot that is filled: whether it is, a state's own slots say

    for guard in guards:
        look(guard)
    return {slot: tuple(atoms) for slot, atoms in found.items()}


def _numbers(guard: Guard) -> Iterator[int]:
    if isinstance(guard, Compared):
        literals = guard.literal if isinstance(guard.literal, tuple) else (guard.literal,)
        yield from (value for value in literals if isinstance(value, int))
