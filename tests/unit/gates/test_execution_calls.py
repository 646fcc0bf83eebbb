"""The execution gate over code that runs in the native sandbox."""

from __future__ import annotations

import pytest

from pytest_compiledai.core.calls import Program
from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.core.place import Place
from pytest_compiledai.core.schema import Schema
from pytest_compiledai.gates import execution
from pytest_compiledai.gates.malformed import derive
from pytest_compiledai.sandbox.native import NativeSandbox


def place(*keys):
    return Place(path="x.yaml", line=1)


INPUT = Schema.parse(
    {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}, place
)
OUTPUT = Schema.parse(
    {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]},
    place,
    closed=True,
)
GUARD = """
def f(data):
    if not isinstance(data, dict) or not isinstance(data.get("text"), str):
        raise Abstain("the input does not match the schema")
"""


@pytest.fixture(scope="module")
def sandbox():
    made = NativeSandbox()
    yield made
    made.close()


def judged(sandbox, body, *, before="", quotable=True, rows=8, malformed=()):
    cases = [
        execution.Case(
            input=canonical_json({"text": f"word {n}"}),
            place=Place(path="rows.jsonl", line=n),
            quotable=quotable,
        )
        for n in range(1, rows + 1)
    ]
    return execution.judge(
        sandbox=sandbox,
        program=Program(source=f"{before}\n{GUARD}{body}".encode(), function="f"),
        cases=cases,
        malformed=malformed,
        input_schema=INPUT,
        output_schema=OUTPUT,
        seed=3,
    )


def rules(found):
    return {item.rule for item in found.findings}


def test_code_that_answers_or_refuses_passes(sandbox):
    """Valid rows are answered, malformed ones refused."""
    malformed = derive(INPUT, [{"text": "word"}], most=60)
    found = judged(sandbox, "    return {'n': len(data['text'])}\n", malformed=malformed)

    assert found.passed
    assert found.figures["rows"] == 8
    assert found.figures["malformed"] == len(malformed)
    assert found.figures["abstained"] == found.figures["malformed_invalid"] > 5


def test_an_exception_leads_with_the_row(sandbox):
    """The message names row, exception, what was expected, and the input."""
    found = judged(sandbox, "    return {'n': {}[data['text']]}\n", rows=1)

    assert [(item.message, item.path, item.line) for item in found.findings] == [
        (
            (
                "rows.jsonl:1: found KeyError: 'word 1'; expected an output or Abstain; "
                'input {"text":"word 1"}'
            ),
            "rows.jsonl",
            1,
        )
    ]


def test_the_row_of_a_validation_case_is_not_quotable(sandbox):
    """Findings on rows a model may not see are marked, and do not show the input."""
    found = judged(sandbox, "    return {'n': {}[data['text']]}\n", rows=1, quotable=False)

    assert not found.findings[0].quotable
    assert "input" not in found.findings[0].message


def test_malformed_input_that_raises_is_a_finding(sandbox):
    """Code without a check of its input breaks its promise."""
    malformed = derive(INPUT, [{"text": "word", "more": 1}], most=60)
    found = execution.judge(
        sandbox=sandbox,
        program=Program(
            source=b"def f(data):\n    return {'n': len(data['text'])}\n", function="f"
        ),
        cases=[execution.Case(input=b'{"text":"x"}', place=place(), quotable=True)],
        malformed=malformed,
        input_schema=INPUT,
        output_schema=OUTPUT,
        seed=3,
    )

    assert rules(found) == {"execution.exception"}
    assert any(
        item.message.startswith("malformed input (text: missing): found KeyError: 'text'")
        for item in found.findings
    )


@pytest.mark.parametrize(
    ("before", "body", "where"),
    [
        ("C = []", "    C.append(1)\n    return {'n': len(C)}\n", "a repeated call"),
        (
            "",
            "    return {'n': hash(data['text']) % 1000}\n",
            "another hash seed, timezone and locale",
        ),
        (
            "import datetime",
            "    return {'n': datetime.datetime.fromtimestamp(0).hour}\n",
            "another hash seed, timezone and locale",
        ),
        (
            "C = {}",
            "    return {'n': int(C.setdefault('x', data['text'])[-1])}\n",
            "another order of the calls",
        ),
        (
            "C = {}",
            "    return {'n': C.setdefault(data['text'], len(C))}\n",
            "a fresh process",
        ),
    ],
)
def test_what_surroundings_decide_is_unstable(sandbox, before, body, where):
    """State, hash seed, timezone and position must not decide; the message says which did."""
    found = judged(sandbox, body, before=before)

    assert "execution.unstable" in rules(found)
    assert any(f"another answer in {where};" in item.message for item in found.findings)


def test_code_that_never_ends_is_told_after_one_timeout(sandbox):
    """One call is waited for, not all of them."""
    before = sandbox.seconds()
    found = judged(sandbox, "    while True:\n        pass\n", rows=50)

    assert rules(found) == {"execution.timeout"}
    assert sandbox.seconds() - before < 5


def test_a_module_that_does_not_load_is_one_finding(sandbox):
    """One cause, one finding, however many rows there are."""
    found = judged(sandbox, "    return {'n': 1}\n", before="X = MISSING")

    assert [item.rule for item in found.findings] == ["execution.load"]


def test_no_row_is_a_failure(sandbox):
    """Nothing to run is not a pass."""
    assert rules(judged(sandbox, "    return {'n': 1}\n", rows=0)) == {"execution.rows"}


def test_findings_are_capped_and_the_same_twice(sandbox):
    """Thirty wrong rows give twenty findings and a count, and so again."""
    one = judged(sandbox, "    return {'m': 1}\n", rows=30)
    two = judged(sandbox, "    return {'m': 1}\n", rows=30)

    assert len(one.findings) == 21
    assert one.findings[-1].message.endswith("more findings like these")
    assert one == two
