"""Gates for weights: a small network that passes them all, and planted faults that each find."""

from __future__ import annotations

import base64
import json
import math
import pickle
import struct
import subprocess
import sys
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from pytest_compiledai.commands.serve import SORRY
from pytest_compiledai.core.candidate import Candidate
from pytest_compiledai.core.errors import ModelError
from pytest_compiledai.core.gate import Phase
from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.dialogues.spec import DialogueSpec
from pytest_compiledai.dialogues.weights import building
from pytest_compiledai.dialogues.weights import child
from pytest_compiledai.dialogues.weights import conduct
from pytest_compiledai.dialogues.weights import conformance
from pytest_compiledai.dialogues.weights import files as checks
from pytest_compiledai.dialogues.weights.data import made
from pytest_compiledai.dialogues.weights.judging import judge
from pytest_compiledai.dialogues.weights.questions import Questions
from pytest_compiledai.dialogues.weights.settings import digest_of_files
from pytest_compiledai.dialogues.weights.settings import settings_of
from pytest_compiledai.dialogues.weights.target import TARGET
from pytest_compiledai.dialogues.weights.training import FILES
from tests.unit.dialogues.torch_process import TorchProcess

pytestmark = pytest.mark.skipif(
    find_spec("torch") is None, reason="the extra `weights` is not installed"
)

GATES = ("security", "syntax", "execution", "accuracy", "latency", "fuzz", "cost")


@dataclass(frozen=True)
class Trained:
    """The weights that the tests of this file share, and what they answered."""

    spec: DialogueSpec
    files: Mapping[str, bytes]
    questions: Questions
    answers: Any
    verdicts: Mapping[str, Verdict]
    torch_came: bool  # into this process, while they were trained and judged

    @property
    def bare(self) -> dict[str, bytes]:
        """The files without their folder."""
        return {path.rpartition("/")[2]: content for path, content in self.files.items()}

    @property
    def record(self) -> dict[str, Any]:
        """The record beside the tensors."""
        value: dict[str, Any] = json.loads(self.bare["dialogue.json"])
        return value


def built(parcel: DialogueSpec, folder: Path) -> dict[str, bytes]:
    """Return the trained files, from ``folder`` where another worker of the run has made them."""
    made = folder / "parcel.json"
    with FileLock(folder / "parcel.lock"):
        if not made.exists():
            files = TARGET.build(parcel)
            text = {name: base64.b64encode(data).decode() for name, data in files.items()}
            made.write_text(json.dumps(text), encoding="utf-8")
    found = json.loads(made.read_text(encoding="utf-8"))
    return {name: base64.b64decode(text) for name, text in found.items()}


@pytest.fixture(scope="module")
def trained(
    parcel: DialogueSpec,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
    torch_process: TorchProcess,
) -> Trained:
    """The flow of five nodes, trained with a small budget and judged once."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if hasattr(request.config, "workerinput") else base
    was_here = "torch" in sys.modules
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(child, "run_module", torch_process.run_module)
        return _trained(parcel, shared, was_here=was_here)


def _trained(parcel: DialogueSpec, shared: Path, *, was_here: bool) -> Trained:
    files = built(parcel, shared)
    candidate = Candidate(files=files, proposer="test", attempt=1)
    questions = Questions(spec=parcel, settings=settings_of(parcel), phase=Phase.ACCEPT)
    bare = {path.rpartition("/")[2]: content for path, content in files.items()}
    answers = questions.asked(bare)
    with pytest.MonkeyPatch.context() as patch:
        # One process answers for all gates and for the tests below.
        patch.setattr(Questions, "asked", lambda _self, _files: answers)
        verdicts = {gate: judge(gate, parcel, candidate, Phase.ACCEPT) for gate in GATES}
    came = "torch" in sys.modules and not was_here
    return Trained(parcel, files, questions, answers, verdicts, torch_came=came)


@pytest.mark.parametrize("gate", GATES)
def test_small_weights_pass_each_gate(trained: Trained, gate: str) -> None:
    """Weights that learned the flow pass."""
    assert trained.verdicts[gate].findings == ()


def test_torch_stays_out_of_this_process(trained: Trained) -> None:
    """Training and judging happen elsewhere."""
    assert trained.files
    assert not trained.torch_came


def test_training_repeats_itself_with_other_threads(trained: Trained) -> None:
    """The first steps again, in an environment of two threads, give the same bits."""
    settings = settings_of(trained.spec)
    figures: dict[str, Any] = {}
    from pytest_compiledai.dialogues.weights.repeating import repeated

    found = list(repeated(trained.spec, settings, trained.questions.data, trained.bare, figures))

    assert found == []
    assert figures["steps proved"] == settings.proof_steps


def test_figures_of_accuracy_carry_their_low_ends(trained: Trained) -> None:
    """Shares come with the low end of their interval, below them."""
    figures = trained.verdicts["accuracy"].figures

    for name in ("path action", "path conversation", "carriers", "wording", "slots"):
        assert 0 < figures[f"{name}: low end"] <= figures[name] <= 1


def _tensors(entries: Mapping[str, Any], size: int) -> bytes:
    header = json.dumps(entries).encode()
    return struct.pack("<Q", len(header)) + header + bytes(size)


OVERLAP = {
    "a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
    "b": {"dtype": "F32", "shape": [2], "data_offsets": [4, 12]},
}
EIGHT = {"a": {"dtype": "I64", "shape": [1], "data_offsets": [0, 8]}}


@pytest.mark.parametrize(
    ("name", "content", "rule"),
    [
        ("pytorch_model.bin", b"x", "files"),
        ("model.pt", b"x", "files"),
        ("data.pkl", pickle.dumps({}), "files"),
        ("model.safetensors", pickle.dumps({}), "pickle"),
        ("model.safetensors", struct.pack("<Q", 1 << 40) + b"{}", "tensors"),
        ("model.safetensors", _tensors(OVERLAP, 12), "tensors"),
        ("model.safetensors", _tensors(EIGHT, 8), "dtype"),
        ("config.json", b'{"auto_map": {"AutoModel": "evil.Model"}}', "code"),
        ("config.json", b'{"auto\\u005fmap": {"AutoModel": "evil.Model"}}', "code"),
        ("config.json", b'{"text": [{"attn_implementation": "evil/kernel"}]}', "code"),
        ("config.json", b'{"quantization_config": {"quant_method": "evil"}}', "code"),
        ("config.json", b"{not json", "json"),
    ],
)
def test_files_that_could_execute_are_refused(
    trained: Trained, name: str, content: bytes, rule: str
) -> None:
    """Pickles, remote code and tensors that are not what they claim are found before opening."""
    assert list(checks.unsafe(trained.bare, 5.0)) == []

    assert rule in [found for found, _ in checks.unsafe({**trained.bare, name: content}, 5.0)]


def test_artifacts_over_their_size_are_refused(trained: Trained) -> None:
    """More than `artifact_mb` is a finding."""
    assert [rule for rule, _ in checks.unsafe(trained.bare, 0.1)] == ["size"]


def test_secrets_and_personal_data_in_training_texts_are_found(trained: Trained) -> None:
    """What users of the data write is scanned."""
    data = trained.questions.data
    leaky = replace(
        data,
        train=(*data.train, replace(data.train[0], user="mail anna.berg@posteo.net")),
    )

    assert list(checks.private(data, trained.bare)) == []
    assert [rule for rule, _ in checks.private(leaky, trained.bare)] == ["personal"]


def test_remembered_user_texts_are_found(trained: Trained) -> None:
    """Values of users that outrank nearly all of like shape are memory; usual ranks are not."""
    assert list(conduct.memory({"canaries": [120, 30, 200]}, {})) == []
    assert [rule for rule, _ in conduct.memory({"canaries": [1, 2, 200]}, {})] == ["memory"]
    assert trained.answers["canaries"]


def _changed(trained: Trained, file: str, way: list[Any], value: Any) -> dict[str, bytes]:
    whole = json.loads(trained.bare[file])
    inner = whole
    for key in way[:-1]:
        inner = inner[key]
    inner[way[-1]] = value
    return {**trained.bare, file: json.dumps(whole).encode()}


@pytest.mark.parametrize(
    ("file", "way", "value", "rule"),
    [
        ("dialogue.json", ["name"], "other", "other"),
        ("dialogue.json", ["flow", "start"], "told", "other"),
        ("dialogue.json", ["threshold"], 0.1, "threshold"),
        ("dialogue.json", ["more"], 1, "record"),
        ("config.json", ["hidden_size"], 128, "shapes"),
        ("config.json", ["num_hidden_layers"], 10**9, "shapes"),
        ("config.json", ["num_attention_heads"], 4, "form"),
        ("config.json", ["model_type"], "llama", "form"),
        ("tokenizer.json", ["added_tokens", 0, "id"], 100_000, "tokens"),
        ("tokenizer.json", ["added_tokens", 0, "id"], 1, "tokens"),
        ("tokenizer.json", ["added_tokens"], [], "tokens"),
    ],
)
def test_files_that_disagree_are_found(
    trained: Trained, file: str, way: list[Any], value: Any, rule: str
) -> None:
    """Record, configuration, tensors, vocabulary and spec have to say the same."""
    changed = _changed(trained, file, way, value)
    if (file, rule) == ("tokenizer.json", "tokens") and value == []:
        whole = json.loads(changed[file])
        whole["model"]["vocab"] = {
            k: v for k, v in whole["model"]["vocab"].items() if "act" not in k
        }
        changed[file] = json.dumps(whole).encode()
    settings = settings_of(trained.spec)

    found = [rule for rule, _ in checks.disagreements(trained.spec, settings, changed, {})]

    assert rule in found


def test_a_network_that_asks_for_more_than_its_tensors_is_not_opened(
    trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A billion layers would take all memory before the gate of syntax had its say."""
    changed = _changed(trained, "config.json", ["num_hidden_layers"], 10**9)
    asked: list[Any] = []
    monkeypatch.setattr(Questions, "asked", lambda _self, files: asked.append(files))
    candidate = Candidate(
        files={f"parcel/{name}": data for name, data in changed.items()}, proposer="test", attempt=1
    )

    judge("security", trained.spec, candidate, Phase.ACCEPT)

    assert asked == []


def test_weights_that_are_no_numbers_are_refused(
    trained: Trained, torch_process: TorchProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is sound by its header, its digest is made again, and no answer comes of it."""
    monkeypatch.setattr(child, "run_module", torch_process.run_module)
    content = trained.bare["model.safetensors"]
    start = 8 + int.from_bytes(content[:8], "little")
    numbers = b"\x00\x00\xc0\x7f" * ((len(content) - start) // 4)
    changed = {**trained.bare, "model.safetensors": content[:start] + numbers}
    record = {**trained.record}
    record["trained"] = record["trained"] | {"weights": digest_of_files(changed)}
    changed["dialogue.json"] = json.dumps(record).encode()
    candidate = Candidate(
        files={f"parcel/{name}": data for name, data in changed.items()}, proposer="test", attempt=1
    )

    assert list(checks.unsafe(changed, 5.0)) == []
    assert judge("accuracy", trained.spec, candidate, Phase.ACCEPT).findings


def test_an_edge_that_is_wrong_is_found(trained: Trained) -> None:
    """Weights that take one edge wrongly fail, however seldom walks take it."""
    answers = deepcopy(trained.answers)
    at = list(trained.questions.edges).index(("told", "complain"))
    for row in answers["scored"]["edges"][at][:3]:
        row.update({node: float(node == "over") for node in row})

    found = conformance.of_answers(trained.questions, answers, trained.bare, {})

    assert [message for rule, message in found if rule == "edge"] == [
        "told --complain-->: found 7 of 10 right; expected 0.8"
    ]


def test_other_tensors_than_the_trained_ones_are_found(trained: Trained) -> None:
    """One changed byte of a tensor is another artifact, also where nothing is trained again."""
    tensors = bytearray(trained.bare["model.safetensors"])
    tensors[-1] ^= 1

    changed = {**trained.bare, "model.safetensors": bytes(tensors)}

    assert list(checks.other_digest(trained.bare)) == []
    assert [rule for rule, _ in checks.other_digest(changed)] == ["digest"]


def test_walks_that_miss_their_end_or_differ_are_found(trained: Trained) -> None:
    """A walk that ends elsewhere, a second run that differs and a full context are findings."""
    answers = deepcopy(trained.answers)
    answers["talks"]["walks"][0][-1]["node"] = "greet"
    answers["context"] = 5

    rules = [rule for rule, _ in conduct.walked(trained.questions, answers, {})]

    assert rules == ["walk", "repeat", "context"]


def test_illegal_moves_and_foreign_words_are_found(trained: Trained) -> None:
    """A jump that no edge allows and words that no node says are findings of the fuzz gate."""
    moved = next(talk for talk in trained.answers["talks"]["hostile"] if not talk[1]["abstained"])
    answers = deepcopy(trained.answers)
    answers["talks"]["hostile"][0] = [moved[0], {**moved[1], "text": "buy now"}]
    flow = trained.spec.flow

    assert [rule for rule, _ in conduct.broken(flow, trained.questions, answers, {})] == ["words"]
    state = {"node": "told", "slots": {}, "turns": 1}
    answers["talks"]["hostile"][0] = [moved[0], {**moved[1], "node": "told", "state": state}]
    assert [rule for rule, _ in conduct.broken(flow, trained.questions, answers, {})] == ["illegal"]


def test_slow_turns_are_found(trained: Trained) -> None:
    """A median over the bound is a finding, and so is no turn at all."""
    answers = deepcopy(trained.answers)
    for talk in answers["talks"]["free"]:
        for reply in talk:
            reply["seconds"] = 1.0

    assert "p50-ms" in [rule for rule, _ in conduct.slow(trained.spec, answers, {})]
    answers["talks"]["free"] = []
    assert "p50-ms" in [rule for rule, _ in conduct.slow(trained.spec, answers, {})]


def test_wrong_actions_are_found(trained: Trained) -> None:
    """Weights that prefer whatever they liked least fail on walks, carriers and coverage."""
    answers = deepcopy(trained.answers)
    for name in answers["scored"]:
        for talk in answers["scored"][name]:
            for row in talk:
                row.update({node: (1 - share) / 3 for node, share in row.items()})

    found = conformance.of_answers(trained.questions, answers, trained.bare, {})

    assert {"path-action", "path-conversation", "carriers-coverage"} <= {rule for rule, _ in found}


def test_weights_of_other_data_are_found(trained: Trained) -> None:
    """The digest of the data in the record has to be the digest of the data of the spec."""
    changed = _changed(trained, "dialogue.json", ["data", "sha256"], "0" * 64)

    found = conformance.of_data(trained.spec, trained.questions.data, changed, {})

    assert [rule for rule, _ in found] == ["data"]


SERVED = """
import json, sys
from pathlib import Path
from pytest_compiledai.commands.serve import _called, replied
from pytest_compiledai.dialogues.weights.talking import Abstained

files = {file.name: file.read_bytes() for file in Path(sys.argv[1]).iterdir()}
turn = _called(files, Abstained)
said = [replied(turn, Abstained, [{"role": "user", "content": text}]).text for text in sys.argv[2:]]
told = turn({"state": {"node": "told", "slots": {"parcel": "8812"}, "turns": 2}, "text": "one more parcel"})
forged = [
    {"node": "over", "slots": {}, "turns": 1},
    {"node": "told", "slots": {"parcel": "x"}, "turns": 1},
    {"node": "told", "slots": {"city": "x"}, "turns": 1},
    {"node": "told", "slots": {}, "turns": -1},
    {"node": "told"},
    "told",
]
refused = 0
try:
    turn({"state": None, "text": "half a pair \\ud800"})
except Abstained:
    refused += 1
for state in forged:
    try:
        turn({"state": state, "text": "one more parcel"})
    except Abstained:
        refused += 1
print(json.dumps([said, told, refused == len(forged) + 1]))
"""


def test_weights_are_served_as_a_state_machine_is(trained: Trained, tmp_path: Path) -> None:
    """One call takes a turn from plain state, over chat messages too; forged states get nothing."""
    for name, content in trained.bare.items():
        (tmp_path / name).write_bytes(content)
    ran = subprocess.run(
        [sys.executable, "-c", SERVED, str(tmp_path), "track a parcel", "\u202e zzz qqq"],
        capture_output=True,
        text=True,
        check=True,
    )

    said, told, all_refused = json.loads(ran.stdout)

    assert said[0] == "what is the parcel number"
    assert said[1] == f"{SORRY} parcel desk how can i help"
    assert (told["node"], told["intent"], told["terminal"]) == ("ask", "another", None)
    assert told["state"] == {"node": "ask", "slots": {"parcel": "8812"}, "turns": 3}
    assert all_refused


def test_pass_k_asks_for_all_of_k() -> None:
    """Of four conversations with one wrong, two drawn are both right in half of the cases."""
    trials = [("a", True), ("a", True), ("a", True), ("a", False), ("b", True)]

    assert math.isclose(conformance.pass_k(trials, 2), (0.5 + 1) / 2)


def test_words_that_do_not_tell_the_branch_stop_the_build(parcel: DialogueSpec) -> None:
    """Equal examples of two intents are refused before anything is trained."""
    intents = dict(parcel.flow.intents)
    intents["lost"] = replace(intents["lost"], examples=intents["quit"].examples)
    intents["track"] = replace(intents["track"], examples=intents["quit"].examples)
    spec = replace(parcel, flow=replace(parcel.flow, intents=intents))

    with pytest.raises(ModelError, match="tell the branch"):
        building.check(spec, made(spec, settings_of(spec)))


def test_a_checkpoint_of_another_digest_is_refused(trained: Trained, tmp_path: Any) -> None:
    """Training starts from the three files that the spec names, or not at all."""
    for name, content in trained.bare.items():
        (tmp_path / name).write_bytes(content)
    block = {**trained.spec.weights, "base": ".", "base_sha256": digest_of_files(trained.bare)}
    spec = replace(trained.spec, weights=block, root=tmp_path)

    (tmp_path / "adapter_config.json").write_text("{}", encoding="utf-8")
    into = tmp_path / "start"

    assert building.start(spec, settings_of(spec), into) == str(into)
    assert {file.name for file in into.iterdir()} == set(FILES)
    other = replace(spec, weights={**block, "base_sha256": "0" * 64})
    with pytest.raises(ModelError, match="base_sha256"):
        building.start(other, settings_of(other), into)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory by /proc is Linux's")
def test_memory_of_the_process_that_started_it_is_not_counted() -> None:
    """A small process started by a large one is not charged with the large one's memory."""
    asked = "from pytest_compiledai.dialogues.weights import examining as e; print(e._memory_mb())"
    ballast = bytearray(256 * 1024 * 1024)
    told = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=True
    ).stdout
    assert float(told) < len(ballast) / 1024 / 1024
