"""The drift gate over its corpus, its settings and its policy."""

from __future__ import annotations

import json
import re

import pytest

from pytest_compiledai.assets import asset
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.place import Place
from pytest_compiledai.core.sampled import Call
from pytest_compiledai.core.schema import Schema
from pytest_compiledai.gates import drift
from pytest_compiledai.gates import drift_proof
from pytest_compiledai.gates import shift as shifts
from pytest_compiledai.gates.accuracy import AccuracySettings
from pytest_compiledai.gates.drift import Compared
from pytest_compiledai.gates.drift import DriftSettings
from pytest_compiledai.gates.drift import Look
from pytest_compiledai.gates.drift import Production
from pytest_compiledai.gates.drift import breaks

SAMPLES = drift_proof.samples()
#: Rules that need more than labelled calls; tests of their own show them.
ELSEWHERE = {"drift.confidence", "drift.recording", "drift.comparator"}


def place(*_: str) -> Place:
    return Place(path="s.yaml", line=1)


def schema(data: str) -> Schema:
    return Schema.parse(json.loads(data), place, closed=True)


ONE = schema('{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}')


def look(
    right: int,
    wrong: int = 0,
    *,
    part: str = "compared",
    reference_right: tuple[int, int] = (0, 0),
    **block: object,
) -> Look:
    """Return the look at calls of which so many were right."""
    settings = DriftSettings.parse(block, AccuracySettings(), place, agreement=0.95)
    calls = [
        Call(row=n + 1, unit="u", sha256="a" * 64, outcome="value", fallback=False,
             input={"n": n}, output={"n": n})
        for n in range(right + wrong)
    ]  # fmt: skip
    pairs = [
        Compared(call=call, basis="label", differs=("n",) if call.row > right else ())
        for call in calls
    ]
    known = {"compared": (), "reference_right": reference_right, part: pairs}
    production = Production(sha256="a" * 64, calls=calls, where="calls.jsonl", **known)
    return Look(production, [call.input for call in calls], ONE, ONE, settings)


def rules(given: Look) -> list[str]:
    return [finding.rule for finding in given.verdict().findings]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda item: item.name)
def test_the_gate_tells_its_samples_apart(sample):
    """Every bad sample has the finding of its folder, every good one none."""
    assert drift_proof.is_told(sample), [f.rule for f in drift_proof.judged(sample).findings]


def test_every_rule_has_a_sample_and_a_line_on_the_page():
    """A rule without a sample could stop finding anything."""
    page = asset("gates", "drift", "README.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^\| `(drift\.\w+)`", page, re.MULTILINE))

    assert told == {item.rule for item in SAMPLES if not item.is_good} | ELSEWHERE


def test_the_smoke_part_names_what_is_judged_wrongly(monkeypatch):
    """A gate that sees no new categories any more is found out before it judges."""
    assert drift_proof.smoke() == []
    monkeypatch.setattr(shifts, "_fresh", lambda *_: set())

    assert [name for name in drift_proof.smoke() if "bad/new/" in name]


def test_an_empty_corpus_proves_nothing(monkeypatch):
    """Without samples the run stops."""
    monkeypatch.setattr(drift_proof, "samples", list)

    assert drift_proof.smoke() == ["gates/drift/corpus"]


def test_no_finding_may_go_back_to_a_model():
    """What production sees enters no prompt."""
    verdicts = [drift_proof.judged(sample) for sample in SAMPLES]

    assert not [f for verdict in verdicts for f in verdict.findings if f.quotable]


def test_findings_name_no_line_that_a_report_would_quote():
    """A finding with path and line gets an excerpt of that file in the HTML report."""
    verdicts = [drift_proof.judged(sample) for sample in SAMPLES]

    assert not [f for verdict in verdicts for f in verdict.findings if f.path or f.line]


@pytest.mark.parametrize(
    ("right", "wrong", "expected"), [(95, 5, []), (94, 6, ["drift.accuracy"]), (72, 0, None)]
)
def test_the_share_of_right_answers_has_the_accuracy_gates_bar(right, wrong, expected):
    """At the threshold it passes, below it fails, and too few are no pass."""
    found = rules(look(right, wrong))

    assert found == (["drift.calls", "drift.labels"] if expected is None else expected)


def test_confidence_asks_for_the_intervals_lower_end():
    """97 % of 200 do not show 95 %, 97 % of 400 do not either, 97 % of 700 do."""
    shares = [(194, 6), (388, 12), (679, 21)]

    assert [["drift.confidence"], ["drift.confidence"], []] == [
        rules(look(*pair, confidence=0.95)) for pair in shares
    ]


def test_recorded_answers_to_a_chosen_few_count_only_against():
    """Kept apart they are no evidence that all is well, and good evidence that it is not."""
    assert ["drift.labels"] == rules(look(100, part="apart"))
    assert ["drift.labels", "drift.recording"] == rules(look(80, 20, part="apart"))


@pytest.mark.parametrize(
    ("right", "wrong", "bar", "expected"),
    [
        (95, 5, 0.95, []),
        (94, 6, 0.95, ["drift.agreement"]),
        (88, 12, 0.88, []),
        (72, 0, 0.95, ["drift.calls", "drift.labels"]),
    ],
)
def test_a_models_answers_have_a_bar_of_their_own(right, wrong, bar, expected):
    """Without a label enough answers like the model's pass, and too few are no pass."""
    assert expected == rules(look(right, wrong, part="agreed", agreement=bar))


def test_agreement_with_a_model_can_be_asked_for_at_a_confidence():
    """The lower end of the interval has to reach the bar, as for labels."""
    assert ["drift.confidence"] == rules(look(194, 6, part="agreed", confidence=0.95))
    assert [] == rules(look(679, 21, part="agreed", confidence=0.95))


@pytest.mark.parametrize(
    ("known", "said"),
    [((0, 0), "label some of these calls"), ((36, 40), "36 of 40 labelled answers of the ref")],
)
def test_a_failing_agreement_says_how_often_the_model_is_right(known, said):
    """Who is wrong, artifact or model, is told as far as labels show it."""
    (found,) = look(80, 20, part="agreed", reference_right=known).verdict().findings

    assert "80 of 100 compared answers as the reference gave them" in found.message
    assert said in found.message


def test_the_bars_come_from_the_accuracy_gate_where_the_spec_is_silent():
    """A unit that may leave a tenth unanswered may do so in production."""
    accuracy = AccuracySettings(threshold=0.9, coverage=0.9, confidence=0.9)

    found = DriftSettings.parse({}, accuracy, place, agreement=0.95)

    assert (0.9, 0.9, 0.1, 0.1) == (
        found.threshold, found.confidence, found.abstain, found.fallback
    )  # fmt: skip
    assert 25 == found.calls  # 25 of 25 show 0.9 at a confidence of 0.9


def test_a_threshold_that_no_number_shows_asks_for_many():
    """A hundred percent cannot be shown; the policy says how many calls are enough."""
    accuracy = AccuracySettings(threshold=1.0)

    assert (
        drift.policy().most_calls == DriftSettings.parse({}, accuracy, place, agreement=0.95).calls
    )


@pytest.mark.parametrize(
    "block",
    [{"cals": 1}, {"calls": 0}, {"calls": 1.5}, {"psi": 0}, {"abstain": 1.1}, {"new": -1},
     {"errors": "no"}, {"confidence": 1}, {"threshold": True}],
)  # fmt: skip
def test_a_setting_that_cannot_be_meant_is_an_error(block):
    """Unknown keys and numbers out of range are refused at their place."""
    with pytest.raises(SpecError):
        DriftSettings.parse(block, AccuracySettings(), place, agreement=0.95)


@pytest.mark.parametrize(("rows", "expected"), [(20, []), (200, ["new"])])
def test_what_few_golden_rows_may_have_missed_is_no_news(rows, expected):
    """A tenth of the calls with a new category is chance after 20 rows, and none after 200."""
    text = '{"type": "object", "properties": {"r": {"type": "string"}}}'
    golden = [{"r": "eu"}, {"r": "us"}] * (rows // 2)
    calls = [
        Call(row=n + 1, unit="u", sha256="a" * 64, outcome="value", fallback=False,
             input={"r": "eu" if n % 10 else "mx"}, output={})
        for n in range(400)
    ]  # fmt: skip
    production = Production(sha256="a" * 64, calls=calls, where="calls.jsonl", compared=[])
    settings = DriftSettings.parse({}, AccuracySettings(), place, agreement=0.95)
    given = Look(production, golden, schema(text), schema(text), settings)

    assert expected == [rule for rule in given.against(given.shifts[0]) if rule == "new"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"n": 1}, False),
        ({"n": "x"}, True),
        ({"n": "[redacted]"}, False),
        ({"n": "[redacted]", "more": 1}, True),
        ({"[redacted]": 1, "n": 1}, True),
        ({"n": ["[redacted]"]}, True),
    ],
)
def test_a_redacted_text_breaks_no_schema_where_it_stands(value, expected):
    """What was taken out may have been right; everything else is held to the schema."""
    assert breaks(ONE, value) is expected


def test_many_redacted_texts_hide_no_break():
    """Where more problems may follow than are told, the value counts as broken."""
    names = [f"f{n}" for n in range(30)]
    given = schema(
        json.dumps({"type": "object", "properties": {n: {"type": "integer"} for n in names}})
    )

    assert breaks(given, {**dict.fromkeys(names[:-1], "[redacted]"), "f29": "x"})


def test_the_verdict_depends_on_no_order():
    """Rows in another order give the same verdict."""
    given = look(90, 10)
    turned = Production(
        sha256="a" * 64,
        calls=list(given.production.calls)[::-1],
        where="calls.jsonl",
        compared=list(given.production.compared)[::-1],
    )

    assert given.verdict() == Look(turned, given.golden, ONE, ONE, given.settings).verdict()
