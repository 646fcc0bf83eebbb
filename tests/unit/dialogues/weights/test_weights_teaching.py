"""Wording from a teacher: what it is told, what of its answers is used, and where it goes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_compiledai.core.errors import ModelError
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.dialogues.spec import DialogueSpec
from pytest_compiledai.dialogues.weights.data import made
from pytest_compiledai.dialogues.weights.settings import settings_of
from pytest_compiledai.dialogues.weights.teaching import Edge
from pytest_compiledai.dialogues.weights.teaching import Teacher
from pytest_compiledai.llm.desks import desks_of
from pytest_compiledai.llm.request import Reply


class Planted:
    """A teacher that says the meaning it was told, with the slots it was told of."""

    model = where = "planted/teacher"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def prepare(self) -> None:
        pass

    async def ask(self, request) -> Reply:
        told = request.messages[1].content
        self.asked.append(told)
        meaning = told.partition("means: ")[2].partition("\n")[0]
        slots = " ".join(word.strip(",") for word in told.split() if word.startswith("{"))
        text = json.dumps([f"so {meaning} it shall be {slots}".strip(), "has it left"])
        return Reply(text=f"Here: {text}", model=self.model, tokens_in=9, tokens_out=9, seconds=0.1)


@pytest.fixture
def taught(parcel: DialogueSpec, tmp_path: Path) -> Iterator[tuple[Planted, list[dict[str, str]]]]:
    """The planted teacher, and the rows that it was asked for."""
    planted = Planted()
    with desks_of(None, lambda _name: planted) as desks:
        teacher = Teacher(parcel, tmp_path, count=3)
        yield planted, list(teacher.taught(desks("planted/teacher")))


def test_every_edge_is_told_to_the_teacher_once(
    parcel: DialogueSpec, taught: tuple[Planted, list[dict[str, str]]]
) -> None:
    """Each edge is asked about; an intent of every node is asked about once for all."""
    planted, rows = taught
    edges = {(n.name, e.intent) for n, e in parcel.flow.edges() if e.intent != "quit"}

    assert len(planted.asked) == len(edges) + 1
    assert {(row["node"], row["intent"]) for row in rows} == {*edges, ("", "quit")}


def test_the_teacher_never_sees_wording_that_is_held_out(
    parcel: DialogueSpec, taught: tuple[Planted, list[dict[str, str]]]
) -> None:
    """No request quotes it, and an answer that happens to say it is left out."""
    planted, rows = taught
    held_out = [text for intent in parcel.flow.intents.values() for text in intent.holdout]

    assert not [text for text in held_out for asked in planted.asked if text in asked]
    assert "has it left" in held_out
    assert not [row for row in rows if row["text"] in held_out and row["intent"] == "track"]


def test_an_answer_without_a_list_stops_the_asking(parcel: DialogueSpec, tmp_path: Path) -> None:
    """Prose is not guessed at."""
    teacher = Teacher(parcel, tmp_path, count=3)

    with pytest.raises(ModelError, match="JSON list"):
        teacher.usable(Edge("greet", "track"), "I would say: where is it")


def test_wording_without_a_slot_that_the_intent_needs_is_left_out(
    parcel: DialogueSpec, tmp_path: Path
) -> None:
    """What could not be followed is no data."""
    teacher = Teacher(parcel, tmp_path, count=3)
    answer = json.dumps(["my number", "take {parcel}", "from {city}", "Take  {parcel}"])

    assert teacher.usable(Edge("ask", "number"), answer) == ["take {parcel}"]


def test_phrasings_are_said_where_their_edge_is(parcel: DialogueSpec, tmp_path: Path) -> None:
    """Data has the wording at its edge only, and another file makes another artifact."""
    rows = [{"node": "told", "intent": "complain", "text": "zanzibar"}]
    spec = replace(parcel, root=tmp_path, weights={**parcel.weights, "phrasings": "more.jsonl"})
    _write(tmp_path / "more.jsonl", rows)
    settings = settings_of(spec)

    said = {(e.node, e.intent) for e in made(spec, settings).train if "zanzibar" in e.user}

    assert said == {("told", "complain")}
    _write(tmp_path / "more.jsonl", [*rows, {"node": "", "intent": "quit", "text": "enough"}])
    assert settings_of(spec) != settings


@pytest.mark.parametrize(
    "row",
    [
        {"node": "over", "intent": "quit", "text": "enough"},
        {"node": "", "intent": "nobody", "text": "enough"},
        {"node": "ask", "intent": "number", "text": "no number in it"},
        {"node": "", "intent": "quit", "text": "leave it"},
        {"node": "", "intent": "quit"},
    ],
)
def test_phrasings_of_no_edge_are_refused(
    parcel: DialogueSpec, tmp_path: Path, row: dict[str, str]
) -> None:
    """Rows without an edge, a slot or words, and wording that is held out, are no data."""
    spec = replace(parcel, root=tmp_path, weights={**parcel.weights, "phrasings": "more.jsonl"})
    _write(tmp_path / "more.jsonl", [row])

    with pytest.raises(SpecError, match="phrasings"):
        made(spec, settings_of(spec))


def _write(path: Path, rows: list[dict[str, str]]) -> None:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
