"""Frozen code takes the same steps as the state machine, and abstains where it is not sure."""

from __future__ import annotations

import types
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import pytest

from pytest_compiledai.core.source import Source
from pytest_compiledai.dialogues import machine
from pytest_compiledai.dialogues.adversary import Illegal
from pytest_compiledai.dialogues.adversary import attack
from pytest_compiledai.dialogues.carriers import LEARNT
from pytest_compiledai.dialogues.conforming import counted
from pytest_compiledai.dialogues.conforming import output
from pytest_compiledai.dialogues.conforming import played
from pytest_compiledai.dialogues.conforming import walk_turns
from pytest_compiledai.dialogues.exploring import Explored
from pytest_compiledai.dialogues.frozen.emit import emitted
from pytest_compiledai.dialogues.frozen.intents import trained
from pytest_compiledai.dialogues.player import Asked
from pytest_compiledai.dialogues.player import Reply
from pytest_compiledai.dialogues.spec import DialogueSpec
from pytest_compiledai.gates.security import inspect

pytest.importorskip("numpy", reason="the extra `linear` is not installed")


class Abstain(Exception):
    """What the loader gives to the module."""


class Plain:
    """The frozen code of this project's own template, called in the test's process."""

    def __init__(self, spec: DialogueSpec) -> None:
        module = types.ModuleType(spec.name)
        module.__dict__["Abstain"] = Abstain
        module.__dict__["FILES"] = {"intents.safetensors": trained(spec.flow)[0]}
        exec(emitted(spec.flow), module.__dict__)
        self.turn: Callable[[Any], Any] = getattr(module, spec.name)

    def answer(self, asked: Sequence[Asked]) -> list[Reply]:
        """Return the reply to each turn."""
        return [self._one(item) for item in asked]

    def _one(self, asked: Asked) -> Reply:
        try:
            return Reply(value=self.turn({"state": asked.state, "text": asked.text}))
        except Abstain as error:
            return Reply(abstained=True, detail=str(error))


@pytest.fixture(scope="module")
def player(table: DialogueSpec) -> Plain:
    """The frozen flow that books a table."""
    return Plain(table)


def test_each_walk_conforms(table: DialogueSpec, player: Plain) -> None:
    """Every turn of every walk gives what the state machine gives, slots and words included."""
    walks = Explored(table.flow).edge_walks()
    turns = [turn for walk in walks for turn in walk_turns(table.flow, walk, LEARNT[:1])]

    count = counted(turns, player.answer([turn.asked for turn in turns]))

    assert (count.asked, count.asked, 1.0) == (count.answered, count.right, count.slots)


def test_conversations_run_freely(table: DialogueSpec, player: Plain) -> None:
    """Each state goes into the next turn, and each conversation ends where it should."""
    walks = Explored(table.flow).edge_walks()

    free = played(table.flow, player, walks, repeats=2, carriers=LEARNT[:1])

    assert (free.walks, free.walks * 2, 0) == (free.whole, free.passed, free.wrong)
    assert all(list(row) == [name] for name, row in free.confusion.items())


@pytest.mark.parametrize(
    ("state", "text", "reason"),
    [
        ({"node": "greet", "slots": {}, "turns": 0}, "xylophone quark", "intent: not sure"),
        ({"node": "greet", "slots": {}, "turns": 0}, "", "intent: no words"),
        ({"node": "done", "slots": {}, "turns": 0}, "stop", "state: no node that waits"),
        ({"node": "greet", "slots": {"city": "rome"}, "turns": 0}, "stop", "state: no slots"),
        ({"node": "greet", "slots": {"party": "2"}, "turns": 0}, "stop", "state: no slots"),
        ({"node": "greet", "slots": {}, "turns": -1}, "stop", "state: no number"),
        ({"node": "greet", "slots": {}}, "stop", "state: not one"),
        (
            {"node": "ask_city", "slots": {}, "turns": 1},
            "in boston in dallas",
            "slot: more than one city",
        ),
    ],
)
def test_it_abstains(player: Plain, state: Any, text: str, reason: str) -> None:
    """Unknown words, two values and states that cannot be are not answered."""
    (reply,) = player.answer([Asked(state=state, text=text)])

    assert reply.abstained
    assert reply.detail.startswith(reason)


def test_building_twice_gives_the_same_bytes(table: DialogueSpec) -> None:
    """Code and weights depend on the flow alone."""
    assert trained(table.flow)[0] == trained(table.flow)[0]


def test_frozen_code_passes_the_policy(table: DialogueSpec) -> None:
    """The function's security policy finds nothing in the frozen code."""
    source = Source(data=emitted(table.flow), path="table.py")

    assert inspect(source, capabilities=frozenset()) == ()


def test_the_adversary_finds_nothing_in_a_sound_machine(table: DialogueSpec, player: Plain) -> None:
    """No text and no forged state moves the frozen code along an edge that is not there."""
    tried = attack(table.flow, player, conversations=8, steps=15)

    assert tried["turns"] > 20


class Jumper(Plain):
    """A machine that an order in the text moves to the end: planted, and wrong."""

    def _one(self, asked: Asked) -> Reply:
        if "system:" in asked.text:
            state = machine.State(node="done", slots={}, turns=1)
            action = machine.Action(node="done", reply=" in ", terminal=None)
            return Reply(value=output(state, action, "book"))
        return super()._one(asked)


class Gullible(Plain):
    """A machine that takes any state for its own: planted, and wrong."""

    def _one(self, asked: Asked) -> Reply:
        if asked.state is not None and asked.text == "hello":
            return Reply(value=self.turn({"state": None, "text": ""}))
        return super()._one(asked)


@pytest.mark.parametrize("planted", [Jumper, Gullible])
def test_the_adversary_finds_a_planted_hole(table: DialogueSpec, planted: type[Plain]) -> None:
    """An artifact that obeys orders or believes forged states is told."""
    with pytest.raises(Illegal):
        attack(table.flow, planted(table), conversations=30, steps=30)
