"""A candidate put together from a pool."""

from __future__ import annotations

import pytest

from pytest_compiledai.core.candidate import Candidate
from pytest_compiledai.core.document import read_documents
from pytest_compiledai.core.kind import Judged
from pytest_compiledai.core.kind import Project
from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.functions.assembly import assemble
from pytest_compiledai.functions.composing import compose
from pytest_compiledai.functions.guard import ROOT
from pytest_compiledai.functions.kind import FunctionKind

SPEC = """\
compiledai: 1
kind: function
name: feed
description: Count the items.
input: {type: object, properties: {text: {type: string}}, required: [text]}
output: {type: object, properties: {items: {type: integer}, label: {type: string}}, required: [items]}
golden: feed.jsonl
candidates: 3
"""
ROW = '{"id": "a", "input": {"text": ""}, "output": {"items": 0}}\n'
CODE = 'def feed(data: FeedInput) -> FeedOutput:\n    return {"items": NUMBER}\n'


@pytest.fixture
def unit(tmp_path):
    """Return the maker of the unit, with the ways that it is composed by."""
    (tmp_path / "feed.jsonl").write_text(ROW, encoding="utf-8")

    def make(*ways: str, more: str = "", grants: frozenset[str] = frozenset()):
        text = f"{SPEC}{more}proposing: {{compose: [{', '.join(ways)}]}}\n"
        (document,) = read_documents(text.encode(), "feed.yaml")
        project = Project(root=tmp_path, grants={"feed": grants})
        return FunctionKind().read(document, project)[0]

    return make


def judged(unit, number: int, *, failed: str = "", code: str = CODE, **fields: float) -> Judged:
    """A candidate that answers ``number``, judged up to the gate that it failed."""
    text = assemble(unit.body, code.replace("NUMBER", str(number)), fenced=False).text
    verdicts = []
    for gate in ("security", "syntax", "execution", "accuracy", "latency", "fuzz"):
        findings = (Finding(rule="x", message="no"),) if gate == failed else ()
        figures = {}
        if gate == "accuracy":
            figures = {"fields": fields, "accuracy": min(fields.values(), default=0), "coverage": 1}
        verdicts.append(Verdict(gate=gate, findings=findings, figures=figures))
        if findings:
            break
    candidate = Candidate(files={"feed.py": text.encode()}, proposer=f"m{number}", attempt=number)
    return Judged(candidate=candidate, verdicts=tuple(verdicts))


def last(candidate: Candidate) -> str:
    """The function over the programs, without its docstring."""
    text = candidate.files["feed.py"].decode()
    return text[text.index("    a = feed_a(") :]


def test_each_field_comes_from_the_program_that_is_best_at_it(unit):
    """The optional field is taken where its program gives it."""
    spec = unit("fields")
    pool = [judged(spec, 1, items=1.0, label=0.5), judged(spec, 2, items=0.5, label=0.9)]

    (made,) = compose(spec, pool)

    assert """\
    a = feed_a(data)
    b = feed_b(data)
    # Each field from the program that is best at it on the rows that choose.
    joined: FeedOutput = {
        'items': a['items'],
    }
    if 'label' in b:
        joined['label'] = b['label']
    return joined
""" in last(made.candidate)
    assert made.must_gain


def test_the_guard_stands_in_front_of_the_last_function_alone(unit):
    """The composed module is assembled like any candidate."""
    spec = unit("fields")
    pool = [judged(spec, 1, items=1.0, label=0.5), judged(spec, 2, items=0.5, label=0.9)]

    (made,) = compose(spec, pool)

    text = made.candidate.files["feed.py"].decode()
    assert 1 == text.count(f"    {ROOT}(data)\n    a = feed_a(data)\n")
    assert 1 == text.count(f"{ROOT}(data)\n")
    assert "m1+m2" == made.candidate.proposer
    assert 2 == made.candidate.attempt


def test_one_program_that_is_best_at_all_is_not_composed(unit):
    """There is nothing to gain from a program that leads nowhere."""
    spec = unit("fields")
    pool = [judged(spec, 1, items=1.0, label=0.5), judged(spec, 2, items=0.5, label=0.5)]

    assert [] == list(compose(spec, pool))


@pytest.mark.parametrize("gate", ["security", "syntax", "execution"])
def test_nothing_is_taken_from_a_program_that_is_not_sound(unit, gate):
    """What failed one of the first three gates gives no field and no vote."""
    spec = unit("fields", "agreement")
    pool = [
        judged(spec, 1, items=1.0, label=0.5),
        judged(spec, 2, failed=gate, items=0.5, label=0.9),
    ]

    assert [] == list(compose(spec, pool))


def test_a_field_may_come_from_a_program_that_failed_on_the_rows(unit):
    """Half right is what composing is for."""
    spec = unit("fields")
    pool = [
        judged(spec, 1, failed="accuracy", items=1.0, label=0.0),
        judged(spec, 2, failed="accuracy", items=0.0, label=1.0),
    ]

    assert 1 == len(list(compose(spec, pool)))


def test_programs_that_do_not_agree_abstain(unit):
    """All that passed every gate have a say; what they differ on is not answered."""
    spec = unit("agreement")
    pool = [
        judged(spec, 1, items=1.0),
        judged(spec, 2, items=1.0),
        judged(spec, 3, failed="fuzz", items=1.0),
    ]

    (made,) = compose(spec, pool)

    assert """\
    a = feed_a(data)
    b = feed_b(data)
    # Programs that were written apart: what they do not agree on is not known.
    if a != b:
        raise Abstain("the programs disagree")
    return a
""" in last(made.candidate)
    assert not made.must_gain


def test_equal_programs_are_one(unit):
    """A program does not agree with its twin."""
    spec = unit("agreement")

    assert [] == list(compose(spec, [judged(spec, 1, items=1.0), judged(spec, 1, items=1.0)]))


def test_what_is_handed_in_is_passed_on(unit):
    """A clock reaches each program."""
    code = CODE.replace("FeedInput)", "FeedInput, *, clock: Callable[[], datetime])")
    spec = unit("agreement", more="capabilities: [clock]\n", grants=frozenset({"clock"}))
    pool = [judged(spec, n, code=code, items=1.0) for n in (1, 2)]

    (made,) = compose(spec, pool)

    assert "a = feed_a(data, clock=clock)" in last(made.candidate)


def test_a_spec_that_does_not_ask_composes_nothing(unit):
    """The key decides, and the unit says so to the loop."""
    spec = unit()

    assert not spec.composes
    assert [] == list(compose(spec, [judged(spec, n, items=1.0) for n in (1, 2)]))
