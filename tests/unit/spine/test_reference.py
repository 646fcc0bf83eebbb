"""The reference of the fuzz gate: drawn once, answered by a model, replayed."""

from __future__ import annotations

import json

import pytest

from pytest_compiledai.core.errors import ModelError
from pytest_compiledai.core.errors import RecordingMissing
from pytest_compiledai.functions.reference import BATCH
from pytest_compiledai.functions.reference import batches
from pytest_compiledai.functions.reference import parse_answers
from pytest_compiledai.functions.reference import recorded
from pytest_compiledai.functions.reference import references
from pytest_compiledai.functions.reference import seconds

THREE = "gates: {fuzz: {reference: model, reference_examples: 3}}\n"
ANSWERS = '[{"m": 1}, {"abstain": "no"}, {"m": 3}]'


class Bench:
    """A bench with nothing on it but a model."""

    def __init__(self, asking) -> None:
        self._asking = asking

    def asking(self):
        return self._asking


@pytest.mark.parametrize(
    "text",
    [
        "[1, 2]",
        " \n[1,\n2]\n",
        "```json\n[1, 2]\n```",
        "Here you are:\n```\n[1, 2]\n```\nThat is all.",
    ],
)
def test_answers_are_found_in_a_reply(text):
    """With a fence, with words around it, or bare."""
    assert parse_answers(text, 2, where="x") == [1, 2]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[1, 2]", "2 elements"),
        ("[1, 2, 3, 4]", "4 elements"),
        ("[]", "0 elements"),
        ("", "Expecting value"),
        ("I cannot.", "Expecting value"),
        ("[1, 2", "Expecting value"),
        ("[1, 2, nope]", "Expecting value"),
        ('{"a": 1}', "Expecting value"),
        ("][", "Expecting value"),
    ],
)
def test_what_is_no_array_of_that_many_is_an_error(text, found):
    """A wrong count would shift every answer to another input; nothing is guessed."""
    with pytest.raises(ModelError, match=f"x: found .*{found}.*a JSON array of 3 answers"):
        parse_answers(text, 3, where="x")


def test_inputs_are_asked_for_in_batches():
    """The description is paid once for a batch; the order is kept."""
    inputs = list(range(2 * BATCH + 1))

    assert [len(batch) for batch in batches(inputs)] == [BATCH, BATCH, 1]
    assert [value for batch in batches(inputs) for value in batch] == inputs


def test_examples_are_drawn_stored_and_answered(specs, asking):
    """The drawn inputs lie beside the recordings, and each has the model's answer."""
    asking.answers = [ANSWERS]

    found = references(specs.unit(THREE), Bench(asking))

    stored = json.loads((asking.folder / "double.reference.json").read_text())["examples"]
    assert [reference.input for reference in found] == stored
    assert [reference.output for reference in found] == [{"m": 1}, None, {"m": 3}]


def test_measured_seconds_are_shared_by_the_inputs_of_a_request(specs, asking):
    """The seconds of a recorded answer, an input; the latency gate compares with them."""
    asking.answers, asking.seconds, asking.recorded = [ANSWERS], 6.0, {0: ANSWERS}
    references(specs.unit(THREE), Bench(asking))

    assert seconds(specs.unit(THREE), asking) == 2.0


def test_a_recording_without_seconds_gives_no_speed_up(specs, asking):
    """What came through a bridge was not measured."""
    asking.answers, asking.recorded = [ANSWERS], {0: ANSWERS}
    references(specs.unit(THREE), Bench(asking))

    assert seconds(specs.unit(THREE), asking) is None


def test_examples_are_drawn_once(specs, asking):
    """A second run asks with the stored inputs, whatever would be drawn today."""
    asking.answers = [ANSWERS, ANSWERS]
    references(specs.unit(THREE), Bench(asking))
    path = asking.folder / "double.reference.json"
    path.write_text('{"examples": [{"n": 41}, {"n": 42}, {"n": 43}]}', encoding="utf-8")

    found = references(specs.unit(THREE), Bench(asking))

    assert [reference.input["n"] for reference in found] == [41, 42, 43]
    assert '"n": 42' in asking.asked[1][0][1][1]


@pytest.mark.parametrize(
    "kept", ['{"n": 41}', '{"n": 41}, {"n": 41}, {"n": 42}', '{"n": 1}, {}, {}']
)
def test_fewer_stored_inputs_than_the_spec_asks_for_are_an_error(specs, asking, kept):
    """A shortened file would have the agreement shown by the easy inputs."""
    asking.folder.mkdir()
    path = asking.folder / "double.reference.json"
    path.write_text(f'{{"examples": [{kept}]}}', encoding="utf-8")

    with pytest.raises(ModelError, match="different inputs of the schema; expected 3"):
        references(specs.unit(THREE), Bench(asking))


def test_drawing_is_the_same_on_every_machine(specs, asking):
    """The seed is the unit's name: two draws give equal bytes."""
    asking.answers = [ANSWERS, ANSWERS]
    path = asking.folder / "double.reference.json"
    texts = []
    for _ in range(2):
        references(specs.unit(THREE), Bench(asking))
        texts.append(path.read_bytes())
        path.unlink()

    assert texts[0] == texts[1]


def test_edited_inputs_come_from_train_rows(specs, asking):
    """Nothing of a row that is kept back goes to the reference either."""
    row = '{{"id": "{0}", "input": {{"n": {1}}}, "output": {{"m": 1}}, "split": "{0}"}}\n'
    kept = ("70002", "70003")
    lines = [row.format("train", 5), row.format("validation", kept[0]), row.format("test", kept[1])]
    specs.write("specs/double.jsonl", "".join(lines))
    asking.answers = [ANSWERS]

    references(specs.unit(THREE), Bench(asking))

    assert not [number for number in kept if number in str(asking.asked)]


def test_an_abstention_of_the_model_is_no_broken_answer(specs, asking):
    """It was asked to say so where the description does not decide."""
    asking.answers = [ANSWERS]

    found = references(specs.unit(THREE), Bench(asking))

    assert [(item.output, item.abstained) for item in found] == [
        ({"m": 1}, False),
        (None, True),
        ({"m": 3}, False),
    ]


UNLABELLED = "gates: {accuracy: off, fuzz: {reference: model, reference_examples: %d}}\n"


def test_rows_that_no_gate_compares_are_asked_as_they_stand(specs, asking):
    """With the accuracy gate off nobody holds them against anything; those kept back stay so."""
    row = '{{"id": "{0}", "input": {{"n": {1}}}, "output": {{"m": 1}}, "split": "{0}"}}\n'
    lines = [row.format("train", 5), row.format("validation", 70002), row.format("test", 70003)]
    specs.write("specs/double.jsonl", "".join(lines))
    asking.answers = ['[{"m": 1}, {"m": 2}, {"m": 3}]']

    found = references(specs.unit(UNLABELLED % 3), Bench(asking))

    assert [{"n": 5}, {"n": 70002}] == [item.input for item in found][:2]
    assert "70003" not in str(asking.asked)
    stored = json.loads((asking.folder / "double.reference.json").read_text())["examples"]
    assert [found[2].input] == stored


def test_rows_alone_need_nothing_drawn(specs, asking):
    """Then nothing has to be stored, and a replay needs the answers only."""
    row = '{"id": "a", "input": {"n": 5}, "output": {"m": 1}, "split": "validation"}\n'
    specs.write("specs/double.jsonl", row)
    asking.answers, asking.live = ['[{"m": 1}]'], False

    found = references(specs.unit(UNLABELLED % 1), Bench(asking))

    assert [({"n": 5}, {"m": 1})] == [(item.input, item.output) for item in found]
    assert not (asking.folder / "double.reference.json").exists()


def test_without_a_model_missing_examples_name_the_command(specs, asking):
    """Nothing is drawn where nothing can be answered."""
    asking.live = False

    with pytest.raises(RecordingMissing, match=r"no reference examples .*--compile-model NAME"):
        references(specs.unit(THREE), Bench(asking))
    assert not (asking.folder / "double.reference.json").exists()


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"examples": 7}', '{"examples": null}'])
def test_a_broken_file_of_examples_is_an_error(specs, asking, text):
    """It is not drawn again in silence: the recordings belong to what it held."""
    asking.folder.mkdir()
    (asking.folder / "double.reference.json").write_text(text, encoding="utf-8")

    with pytest.raises(ModelError, match=r"double\.reference\.json: .*next: git checkout"):
        references(specs.unit(THREE), Bench(asking))


def test_no_reference_asks_nobody(specs, asking):
    """A spec that wants none has none, and no digest of one."""
    unit = specs.unit("gates: {fuzz: {reference: none}}\n")

    assert references(unit, Bench(asking)) == ()
    assert recorded(unit, asking) == ""
    assert asking.asked == []


def test_the_digest_covers_examples_and_answers(specs, asking):
    """What verdicts rest on is evidence: other inputs, another answer, another digest."""
    unit = specs.unit(THREE)
    digests = [recorded(unit, asking)]
    asking.answers = [ANSWERS]
    references(unit, Bench(asking))
    digests.append(recorded(unit, asking))
    asking.recorded = {0: ANSWERS}
    digests.append(recorded(unit, asking))
    asking.recorded = {0: ANSWERS.replace("3", "4")}
    digests.append(recorded(unit, asking))

    assert digests[0] == ""
    assert len(set(digests)) == 4


def test_a_gate_that_is_off_rests_on_nothing(specs, asking):
    """Recordings of a gate that is not asked are no evidence."""
    asking.answers = [ANSWERS]
    references(specs.unit(THREE), Bench(asking))

    assert recorded(specs.unit("gates: {fuzz: off}\n"), asking) == ""
