"""The linear model of a spec: what may declare one, what its numbers say, when it is not sure."""

from __future__ import annotations

import json

import pytest

from pytest_compiledai.core.candidate import BUILTIN
from pytest_compiledai.core.document import read_documents
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.kind import Project
from pytest_compiledai.functions.kind import FunctionKind
from pytest_compiledai.functions.linear.model import cut_of
from pytest_compiledai.functions.linear.model import fitted
from pytest_compiledai.functions.synth.parts import linear as parts
from pytest_compiledai.functions.weights import fault

TEXT = {"type": "string"}
GRANTS = {"*": frozenset({"module:zlib"})}
TOPICS = {"rain": "weather", "sun": "weather", "goal": "sport", "match": "sport"}


@pytest.fixture
def unit_of(tmp_path):
    """Return what makes a unit of rows (text, topic, split) and of other keys."""

    def make(rows=(), **keys):
        data = {
            "compiledai": 1,
            "kind": "function",
            "name": "topic",
            "description": "Say the topic.",
            "input": {
                "type": "object",
                "properties": {"a": TEXT, "b": TEXT, "n": {"type": "number"}},
            },
            "output": {
                "type": "object",
                "properties": {"topic": {"enum": ["weather", "sport", "never"]}},
                "required": ["topic"],
            },
            "golden": "topic.jsonl",
            "linear": {"text": ["a"], "label": "topic"},
        } | keys
        lines = [
            {"id": f"r{n}", "input": {"a": text}, "output": {"topic": topic}, "split": split}
            for n, (text, topic, split) in enumerate(rows or made_rows())
        ]
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (tmp_path / "topic.jsonl").write_text(text, encoding="utf-8")
        (document,) = read_documents(json.dumps(data).encode(), "topic.yaml")
        return FunctionKind().read(document, Project(root=tmp_path, grants=GRANTS))[0]

    return make


def made_rows(split="train", count=8):
    return [
        (f"{word} number {n} {split}", topic, split)
        for word, topic in TOPICS.items()
        for n in range(count)
    ]


@pytest.mark.parametrize(
    "keys",
    [
        {"linear": {"text": ["a"]}},
        {"linear": {"text": "a", "label": "topic"}},
        {"linear": {"text": [], "label": "topic"}},
        {"linear": {"text": ["n"], "label": "topic"}},
        {"linear": {"text": ["a", "a"], "label": "topic"}},
        {"linear": {"text": ["a"], "label": "other"}},
        {"linear": {"text": ["a"], "label": "topic"}, "capabilities": ["module:zlib"]},
    ],
)
def test_what_no_linear_model_can_do_is_refused(unit_of, keys) -> None:
    """Texts of the input, one closed set as the output, nothing handed in beside."""
    with pytest.raises(SpecError, match="found `linear` with"):
        unit_of(**keys)


def test_sums_of_bytes_are_sums_of_weights() -> None:
    """Also of an odd number of columns, and of more rows than two bytes can add at once."""
    width, count = 3, 600
    rows = bytes((7 * at) % 256 for at in range(width * count))
    chosen = list(range(count))

    found = parts.summed(rows, width, chosen)

    assert found == [sum(rows[p * width + c] - 128 for p in chosen) for c in range(width)]


def test_fields_do_not_share_their_words() -> None:
    """A word counts by where it stands; what is no text counts nothing."""
    assert set(parts.places(["one", None])).isdisjoint(parts.places([None, "one"]))
    assert parts.places([None, 3]) == []
    assert parts.places(["\ud800"]) != []


def test_the_cut_keeps_the_coverage_that_was_asked() -> None:
    """As high as rows allow; with nothing asked for beyond all, or no rows, it refuses nothing."""
    sure = [float(n) for n in range(1000)]

    cut = cut_of(sure, 0.9)

    assert 50 < cut < 100
    assert cut_of(sure, 1.0) < 0
    assert cut_of([], 0.5) < 0


def test_a_model_is_learned_of_train_rows_and_cut_by_validation_rows(unit_of) -> None:
    """It answers what it knows, in equal bytes twice, and abstains from what is like no row."""
    rows = [*made_rows(), *made_rows("validation", 25)]
    spec = unit_of(rows, gates={"accuracy": {"coverage": 0.9}}).body
    more = [*rows, ("rain again", "sport", "test")]

    model = fitted(spec)

    assert model.answer({"a": "number of goal"}) == {"topic": "sport"}
    assert model.answer({"a": "rain"}) == {"topic": "weather"}
    assert model.answer({"a": "zz qq xx kk vv"}) is None
    assert model.answer({}) is None
    assert fitted(unit_of(more, gates={"accuracy": {"coverage": 0.9}}).body) == model
    assert fault("topic", {"topic.py": b"", "topic/linear.safetensors": model.data}) == ""


def test_validation_rows_are_part_of_what_a_model_is_made_from(unit_of) -> None:
    """The lock's source changes with them where a model is declared, and only there."""
    more = [*made_rows(), ("rain", "weather", "validation")]
    test = [*made_rows(), ("rain", "weather", "test")]

    assert unit_of().source != unit_of(more).source
    assert unit_of().source == unit_of(test).source


def test_the_declared_model_opens_the_pool(unit_of) -> None:
    """It is proposed before a model is asked, then code, then the model as if nothing had been."""
    from types import SimpleNamespace

    unit, kind = unit_of(), FunctionKind()
    asked = []

    class Asking:
        model = "some/model"

        def ask(self, messages, *, sample):
            asked.append((len(messages), sample))
            return SimpleNamespace(text="```python\nx\n```", model=self.model)

    first = kind.propose(unit, [], sample=0, asking=Asking())
    verdicts = [SimpleNamespace(findings=(), gate="accuracy")]
    history = [SimpleNamespace(candidate=first, verdicts=verdicts)]
    second = kind.propose(unit, history, sample=0, asking=Asking())
    other = kind.propose(unit, [], sample=1, asking=Asking())

    assert (first.proposer, sorted(first.files)) == (
        BUILTIN,
        ["topic.py", "topic/linear.safetensors"],
    )
    assert {second.proposer, other.proposer} == {"some/model"}
    assert asked == [(2, 0), (2, 1)]
    assert kind.opening(unit) is None
