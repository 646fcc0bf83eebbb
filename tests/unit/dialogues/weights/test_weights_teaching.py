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
from pytest_compiledai.dialogues.weights.teaching import read
from pytest_compiledai.llm.desks import desks_of
from pytest_compiledai.llm.request import Reply

ROOT = Path(__file__).parents[4]


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
        teacher = Teacher(parcel, tmp_path, count=3, walks=False)
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
    teacher = Teacher(parcel, tmp_path, count=3, walks=False)

    with pytest.raises(ModelError, match="JSON list"):
        teacher.texts(teacher.questions[0], "I would say: where is it")


def test_wording_without_a_slot_that_the_intent_needs_is_left_out(
    parcel: DialogueSpec, tmp_path: Path
) -> None:
    """What could not be followed is no data."""
    teacher = Teacher(parcel, tmp_path, count=3, walks=False)
    said = ["my number", "take {parcel}", "from {city}", "Take  {parcel}"]

    assert teacher.usable(Edge("ask", "number"), said) == ["take {parcel}"]


def test_conversations_take_every_edge_and_each_turn_is_told_its_own(
    parcel: DialogueSpec, tmp_path: Path
) -> None:
    """Few walks cover the flow; a request tells, turn by turn, what is meant, and no held-out word."""
    teacher = Teacher(parcel, tmp_path, count=2, walks=True)
    taken = {edge for question in teacher.questions for edge in question.edges}
    asked = [question.request.messages[1].content for question in teacher.questions]

    assert taken == {(n.name, e.intent) for n, e in parcel.flow.edges() if e.intent != "quit"} | {
        ("", "quit")
    }
    assert [text.count("The person means") for text in asked] == [
        len(question.edges) for question in teacher.questions
    ]
    held_out = [text for intent in parcel.flow.intents.values() for text in intent.holdout]
    assert not [text for text in held_out if any(text in request for request in asked)]


def test_a_conversation_of_other_turns_stops_the_asking(
    parcel: DialogueSpec, tmp_path: Path
) -> None:
    """Turns that cannot be told apart have no edge."""
    teacher = Teacher(parcel, tmp_path, count=2, walks=True)
    question = max(teacher.questions, key=lambda question: len(question.edges))
    talk = [f"words {number}" for number in range(len(question.edges))]

    assert len(teacher.texts(question, json.dumps([talk, talk]))) == 2 * len(talk)
    with pytest.raises(ModelError, match="turns"):
        teacher.texts(question, json.dumps([talk, talk[1:]]))


def test_recorded_conversations_give_the_example_s_file() -> None:
    """A teacher's answers over LiteLLM, replayed without a model, are the phrasings that we ship."""
    folder = ROOT / "examples" / "dialogue"
    spec = read(folder / "travel.yaml", ROOT)
    teacher = Teacher(spec, folder / "recordings", count=8, walks=True)
    with desks_of(None, lambda _name: Planted()) as desks:
        rows = list(teacher.taught(desks("bridge/teacher")))

    shipped = (folder / "travel.phrasings.jsonl").read_text(encoding="utf-8").splitlines()
    assert rows == [json.loads(line) for line in shipped]
    assert {(row["node"], row["intent"]) for row in rows} == {
        edge for question in teacher.questions for edge in question.edges
    }


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
