"""The fuzz gate over code that runs in the native sandbox."""

from __future__ import annotations

import json

import pytest

from pytest_compiledai.core.calls import Program
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.place import Place
from pytest_compiledai.core.schema import Schema
from pytest_compiledai.gates.fuzz import FuzzSettings
from pytest_compiledai.gates.fuzz import Reference
from pytest_compiledai.gates.fuzz import judge
from pytest_compiledai.sandbox.native import NativeSandbox


def place(*keys):
    return Place(path="x.yaml", line=4)


INPUT = Schema.parse(
    {
        "type": "object",
        "properties": {"text": {"type": "string"}, "note": {"type": "string"}},
        "required": ["text"],
        "additionalProperties": False,
    },
    place,
)
OUTPUT = Schema.parse(
    {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]},
    place,
    closed=True,
)
TRAIN = [{"text": f"Order {n * 31} of Alice, 2024-03-0{n}.", "note": "x"} for n in range(1, 6)]
LENGTH = "def f(data):\n    return {'n': len(data['text'])}\n"


@pytest.fixture(scope="module")
def sandbox():
    made = NativeSandbox()
    yield made
    made.close()


def judged(
    sandbox,
    source,
    *,
    references=(),
    coverage=1.0,
    examples=120,
    settings_coverage=None,
    **settings,
):
    settings.setdefault("reference", "none")
    settings["coverage"] = settings_coverage
    return judge(
        sandbox=sandbox,
        program=Program(source=source.encode(), function="f"),
        input_schema=INPUT,
        output_schema=OUTPUT,
        train_inputs=TRAIN,
        settings=FuzzSettings(examples=examples, **settings),
        coverage=coverage,
        seed=9,
        references=references,
    )


def reference(text, n):
    return Reference(input={"text": text}, output={"n": n}, place=Place(path="ref.json"))


def test_code_that_keeps_its_promises_passes(sandbox):
    """All examples are answered; nothing is found."""
    found = judged(sandbox, LENGTH)

    assert found.passed
    assert found.figures == {"examples": 120, "edges": 24, "abstained": 0}


def test_the_counterexample_is_small(sandbox):
    """An edited train text of thirty characters shrinks to what the failure needs."""
    source = "def f(data):\n    return {'n': 1 // (data['text'].count('7') == 0)}\n"
    found = judged(sandbox, source)

    assert [item.message for item in found.findings] == [
        (
            '{"text": "7"}: found ZeroDivisionError: integer division or modulo by zero; '
            "expected an output or Abstain"
        )
    ]
    assert found.figures["counterexample"] == {"text": "7"}
    assert found.findings[0].quotable


@pytest.mark.parametrize(
    ("source", "rule"),
    [
        ("def f(data):\n    return {'n': data['text']}\n", "fuzz.schema"),
        ("def f(data):\n    return {'n': {1}}\n", "fuzz.not-plain"),
        ("C = []\n\n\ndef f(data):\n    C.append(1)\n    return {'n': len(C)}\n", "fuzz.unstable"),
        ("X = MISSING\n", "fuzz.exception"),
    ],
)
def test_each_broken_promise_has_its_rule(sandbox, source, rule):
    """The rule says which promise was broken."""
    assert {item.rule for item in judged(sandbox, source).findings} == {rule}


def test_a_counterexample_breaks_the_same_promise_as_it_did(sandbox):
    """Shrinking does not slip from one bug into another."""
    source = (
        "def f(data):\n    text = data['text']\n    if not text:\n        raise Abstain('empty')\n"
        "    if len(text) > 3:\n        return {'n': 'long'}\n    return {'n': 1}\n"
    )
    found = judged(sandbox, source)

    assert {item.rule for item in found.findings} == {"fuzz.schema"}
    assert len(found.figures["counterexample"]["text"]) == 4


def test_code_that_never_ends_is_bounded(sandbox):
    """The first call alone shows it; shrinking is bounded by killed workers."""
    before = sandbox.seconds()
    found = judged(
        sandbox, "def f(data):\n    while data['text'] == '':\n        pass\n    return {'n': 1}\n"
    )

    assert [item.rule for item in found.findings] == ["fuzz.timeout"]
    assert found.figures["counterexample"] == {"text": ""}
    assert sandbox.seconds() - before < 15


def test_two_runs_find_the_same(sandbox):
    """The seed decides everything."""
    source = "def f(data):\n    return {'n': int(data['text'][-1:] != '.') // len(data['text'])}\n"

    assert judged(sandbox, source) == judged(sandbox, source)


def test_agreement_counts_the_answered(sandbox):
    """Agreeing references pass with their figures."""
    found = judged(
        sandbox,
        LENGTH,
        reference="model",
        references=[reference("ab", 2), reference("abc", 3)],
    )

    assert found.passed
    assert found.figures["reference"]["agreement"] == 1.0
    assert found.figures["reference"]["answered"] == 2


def test_disagreement_leads_with_place_and_field(sandbox):
    """Each difference shows both answers and the input."""
    found = judged(
        sandbox, LENGTH, reference="model", references=[reference("ab", 2), reference("abc", 4)]
    )

    assert [item.message for item in found.findings] == [
        "found 1 of 2 answers agree with the reference; expected 0.95",
        'ref.json n: expected 4 (reference), got 3; input {"text": "abc"}',
    ]


def test_abstaining_on_references_needs_coverage(sandbox):
    """Too few answered references fail, however well the rest agree."""
    source = "def f(data):\n    if data['text'] == 'ab':\n        raise Abstain('two')\n    return {'n': len(data['text'])}\n"
    references = [reference("ab", 2), reference("abc", 3)]
    kinds = {"reference": "model", "references": references}

    assert not judged(sandbox, source, coverage=1.0, **kinds).passed
    assert judged(sandbox, source, coverage=0.5, **kinds).passed


def test_invalid_reference_answers_are_counted_and_not_compared(sandbox):
    """A reference that breaks the schema says nothing; half of them must not."""
    bad = Reference(input={"text": "x"}, output={"n": "one"}, place=place())
    good = reference("ab", 2)
    some = judged(sandbox, LENGTH, reference="model", references=[good, good, bad])
    most = judged(sandbox, LENGTH, reference="model", references=[good, bad, bad])

    assert some.passed
    assert some.figures["reference"]["invalid"] == 1
    assert [item.rule for item in most.findings] == ["fuzz.reference"]


def undecided(text):
    return Reference(
        input={"text": text}, output=None, place=Place(path="ref.json"), abstained=True
    )


def test_an_answer_where_the_reference_abstains_is_a_disagreement(sandbox):
    """What the description leaves open may not be answered; the finding shows what was."""
    references = [reference("ab", 2), undecided("abc")]

    found = judged(sandbox, LENGTH, reference="model", references=references)

    assert [item.message for item in found.findings] == [
        "found 1 of 2 answers agree with the reference; expected 0.95",
        'ref.json: expected an abstention (reference), got {"n":3}; input {"text": "abc"}',
    ]


def test_abstaining_with_the_reference_is_agreement_and_owes_no_answer(sandbox):
    """Coverage counts what the reference answers, and an abstention is a valid answer of it."""
    source = "def f(data):\n    if len(data['text']) > 2:\n        raise Abstain('long')\n    return {'n': len(data['text'])}\n"
    references = [reference("ab", 2), undecided("abc"), undecided("abcd")]

    found = judged(sandbox, source, reference="model", references=references)

    assert found.passed
    assert (1, 2) == tuple(found.figures["reference"][key] for key in ("agreed", "abstained"))


def test_only_a_stated_coverage_of_0_lets_a_candidate_abstain_from_all(sandbox):
    """Agreement in nothing is none, unless the spec says that nothing has to be answered."""
    source = "def f(data):\n    raise Abstain('never')\n"
    kinds = {"reference": "model", "references": [reference("ab", 2)]}

    assert not judged(sandbox, source, **kinds, coverage=0).passed
    assert judged(sandbox, source, **kinds, settings_coverage=0).passed


def test_a_reference_without_answers_fails(sandbox):
    """What could not be compared has failed."""
    found = judged(sandbox, LENGTH, reference="model", references=[])

    assert [item.rule for item in found.findings] == ["fuzz.reference"]


def test_nothing_is_printed(sandbox, capsys):
    """Hypothesis' own words do not reach the user."""
    judged(sandbox, "def f(data):\n    return {}[data['text']]\n")

    assert capsys.readouterr() == ("", "")


def test_examples_are_valid_when_the_schema_allows_none(sandbox):
    """A schema that no value meets fails closed."""
    schema = Schema.parse(
        {
            "type": "object",
            "properties": {"a": {"type": "string", "pattern": "^a$", "minLength": 2}},
            "required": ["a"],
        },
        place,
    )
    found = judge(
        sandbox=sandbox,
        program=Program(source=LENGTH.encode(), function="f"),
        input_schema=schema,
        output_schema=OUTPUT,
        train_inputs=[],
        settings=FuzzSettings(examples=5, reference="none"),
        coverage=1.0,
        seed=1,
    )

    assert [item.rule for item in found.findings] == ["fuzz.unsatisfiable"]


@pytest.mark.parametrize(
    ("block", "found"),
    [
        ({"example": 3}, "example"),
        ({"examples": 0}, "0"),
        ({"examples": 2.5}, "2.5"),
        ({"reference": "gpt"}, "gpt"),
        ({"reference": None}, "None"),
        ({"reference_examples": 0}, "0"),
        ({"agreement": 0.0}, "agreement: 0.0"),
        ({"agreement": 2}, "2"),
        ({"coverage": -1}, "-1"),
    ],
)
def test_a_setting_that_is_not_understood_is_refused(block, found):
    """Unknown keys and values out of range are errors."""
    with pytest.raises(SpecError) as caught:
        FuzzSettings.parse(block, place)

    assert found in caught.value.found


def test_a_users_reference_is_read_as_path_and_function():
    """`file.py:function` names the project's own reference."""
    settings = FuzzSettings.parse({"reference": "checks/ref.py:answer"}, place)

    assert settings.user_reference == ("checks/ref.py", "answer")
    assert FuzzSettings().user_reference is None
    assert json.dumps(settings.reference) == '"checks/ref.py:answer"'
