"""The accuracy gate over answers given by hand."""

from __future__ import annotations

import dataclasses
import operator

import pytest

from pytest_compiledai.core.calls import Answer
from pytest_compiledai.core.calls import Status
from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.gate import Phase
from pytest_compiledai.core.golden import Row
from pytest_compiledai.core.place import Place
from pytest_compiledai.core.schema import Schema
from pytest_compiledai.core.split import Split
from pytest_compiledai.gates.accuracy import AccuracySettings
from pytest_compiledai.gates.accuracy import judge
from pytest_compiledai.gates.comparators import ComparatorFault

TRAIN, VALIDATION, TEST = Split.TRAIN, Split.VALIDATION, Split.TEST
ABSTAIN = Answer(status=Status.ABSTAIN, detail="not sure")


def place(*keys):
    return Place(path="specs/x.yaml", line=7)


def row(number, split, output=None):
    data = {"subject": f"s{number}"}
    return Row(
        id=f"r{number}",
        input=data,
        output=output or {"queue": "billing", "urgent": False},
        split=split,
        place=Place(path="tickets.jsonl", line=number),
        key=canonical_json(data),
    )


def value(output):
    return Answer(status=Status.VALUE, value=canonical_json(output))


def verdict(rows, wrong=None, *, phase=Phase.ACCEPT, settings=None, comparators=None):
    answers = {item.id: value(item.output) for item in rows} | (wrong or {})
    return judge(
        rows=rows,
        answers=answers,
        settings=AccuracySettings.parse(settings or {}, place),
        phase=phase,
        source_text="",
        spec_text="",
        comparators=comparators,
    )


def messages(found):
    return [item.message for item in found.findings]


def spread(train=5, validation=5, test=5):
    splits = [TRAIN] * train + [VALIDATION] * validation + [TEST] * test
    return [row(number, split) for number, split in enumerate(splits, start=1)]


def test_all_right_passes_with_figures():
    """Right answers pass; the figures are those of the test rows."""
    found = verdict(spread(test=20))

    assert found.passed
    assert found.figures["accuracy"] == 1.0
    assert found.figures["rows"] == 20
    assert found.figures["split"] == "test"
    assert found.figures["interval"] == {"low": 0.838875, "high": 1.0}
    assert found.figures["fields"] == {"queue": 1.0, "urgent": 1.0}
    assert "warning" not in found.figures


def test_few_test_rows_are_warned_of():
    """Fewer than twenty test rows pass with a warning."""
    found = verdict(spread())

    assert found.passed
    assert "5 test rows" in found.figures["warning"]


def test_a_wrong_train_row_leads_with_its_line_and_field():
    """The finding names row, field, both values and the input."""
    rows = spread()
    found = verdict(rows, {"r1": value({"queue": "tech", "urgent": False})}, phase=Phase.SELECT)

    assert messages(found) == [
        "1 of 5 train rows answered differ; expected 0.95 right",
        'tickets.jsonl:1 queue: expected billing, got tech; input {"subject": "s1"}',
    ]
    assert all(item.quotable for item in found.findings)


def test_a_wrong_validation_row_is_quotable_as_a_count_only():
    """What names a validation row may not go back to a model; the count may."""
    rows = spread()
    found = verdict(rows, {"r6": value({"queue": "tech", "urgent": True})}, phase=Phase.SELECT)

    assert [(item.quotable, item.message) for item in found.findings] == [
        (True, "1 of 5 validation rows answered differ; expected 0.95 right"),
        (False, "tickets.jsonl:6 queue: expected billing, got tech"),
        (False, "tickets.jsonl:6 urgent: expected false, got true"),
    ]


def test_selecting_never_looks_at_test_rows():
    """A wrong test row changes nothing while candidates are chosen."""
    rows = spread()
    right = verdict(rows, phase=Phase.SELECT)
    found = verdict(rows, {"r11": ABSTAIN}, phase=Phase.SELECT)

    assert found == right


def test_accepting_judges_the_test_rows():
    """A wrong test row fails the accept phase and is not quotable."""
    found = verdict(spread(), {"r11": value({"queue": "tech", "urgent": False})})

    assert not found.passed
    assert found.figures["accuracy"] == 0.8
    assert [item.quotable for item in found.findings] == [True, False]


def test_an_abstain_lowers_coverage_and_not_accuracy():
    """An abstained row is not counted among the answered."""
    found = verdict(spread(), {"r11": ABSTAIN}, settings={"coverage": 0.8})

    assert found.passed
    assert (found.figures["accuracy"], found.figures["coverage"]) == (1.0, 0.8)


def test_too_little_coverage_fails():
    """An abstained row fails where all are to be answered."""
    found = verdict(spread(), {"r1": ABSTAIN})

    assert [item.rule for item in found.findings] == ["accuracy.coverage"] * 2
    assert "tickets.jsonl:1: abstained (not sure)" in found.findings[1].message


def test_nothing_answered_fails_whatever_the_coverage():
    """No answered row is a failure even where no coverage is demanded."""
    rows = spread(train=0, validation=0, test=2)
    settings = {"coverage": 0.0, "threshold": 0.001}
    found = verdict(rows, {"r1": ABSTAIN, "r2": ABSTAIN}, settings=settings)

    assert not found.passed


def test_an_exception_counts_as_a_wrong_answer():
    """Raising anything but Abstain is answering wrongly."""
    error = Answer(status=Status.ERROR, detail="KeyError: 'plan'")
    found = verdict(spread(), {"r1": error})

    assert found.figures["splits"]["train"]["answered"] == 5
    assert "error: KeyError: 'plan'" in found.findings[1].message


def test_a_threshold_that_is_just_reached_is_reached():
    """55 right of 100 are 0.55, whatever 0.55 times 100 is as a float."""
    rows = [row(number, Split.TEST) for number in range(100)]
    wrong = {f"r{number}": value({"queue": "abuse"}) for number in range(45)}
    settings = {"threshold": 0.55, "split": {"train": 0, "validation": 0, "test": 1}}

    assert verdict(rows, wrong, settings=settings).passed


def test_a_further_key_is_a_difference():
    """An output with more than expected is not right."""
    extra = value({"queue": "billing", "urgent": False, "score": 1})
    found = verdict(spread(), {"r1": extra})

    assert "score: expected nothing, got 1" in found.findings[1].message


def test_no_test_row_fails_where_a_share_was_meant():
    """Rows that happen to leave the test split empty cannot be accepted."""
    found = verdict(spread(test=0))

    assert [item.rule for item in found.findings] == ["accuracy.rows"]


def test_no_test_row_is_allowed_where_the_spec_keeps_none():
    """A split of zero says on purpose that validation rows decide."""
    split = {"train": 0.5, "validation": 0.5, "test": 0.0}
    found = verdict(spread(test=0), settings={"split": split})

    assert found.passed
    assert found.figures["split"] == "validation"


def test_no_row_at_all_fails():
    """Nothing to judge is a failure."""
    assert not verdict([], phase=Phase.SELECT).passed


def test_confidence_demands_the_lower_end_of_the_interval():
    """Five of five rows do not show 95 % at confidence 0.95."""
    found = verdict(spread(), settings={"confidence": 0.95})

    assert [item.rule for item in found.findings] == ["accuracy.confidence"]


def test_a_nested_path_has_its_own_comparator():
    """`lines[].price` compares each price with a tolerance; the rest stays exact."""
    rows = [row(1, TEST, {"lines": [{"price": 10.0, "name": "a"}, {"price": 5, "name": "b"}]})]
    near = value({"lines": [{"price": 10.01, "name": "a"}, {"price": 5, "name": "c"}]})
    metric = {"lines[].price": {"number": {"abs": 0.01}}}
    found = verdict(rows, {"r1": near}, settings={"metric": metric})

    assert "tickets.jsonl:1 lines[1].name: expected b, got c" in messages(found)
    assert len(found.findings) == 2


def test_a_users_comparator_decides():
    """The callable given by name is asked for its field."""
    settings = {"metric": {"queue": "own.py:same"}}
    rows = spread()
    other = {"r1": value({"queue": "BILLING", "urgent": False})}

    same = verdict(rows, other, settings=settings, comparators={"own.py:same": lambda *_: True})
    differs = verdict(rows, other, settings=settings, comparators={"own.py:same": operator.eq})

    assert (same.passed, differs.passed) == (True, False)


def test_a_comparator_that_says_neither_fails_the_gate():
    """A fault of the project's comparator is a failure, not a right row."""

    def broken(expected, got):
        raise ComparatorFault("IndexError: x")

    settings = {"metric": {"queue": "own.py:same"}}
    found = verdict(spread(), settings=settings, comparators={"own.py:same": broken})

    assert [item.rule for item in found.findings] == ["accuracy.comparator"]


def test_a_comparator_that_answers_by_the_calls_before_fails_the_gate():
    """Asked again in the opposite order it says something else, so it says nothing of a row."""
    calls = []

    def lenient_after_the_first(expected, got):
        calls.append(got)
        return len(calls) > 1

    settings = {"metric": {"queue": "own.py:same"}}
    found = verdict(
        spread(), settings=settings, comparators={"own.py:same": lenient_after_the_first}
    )

    assert messages(found) == [
        "found another answer to an equal question from a comparator; expected true or false"
    ]


@pytest.mark.parametrize(
    ("metric", "other", "rule"),
    [
        ({"queue": "own.py:same"}, {"queue": "tech", "urgent": False}, ["accuracy.blind"]),
        ({"queue": "own.py:same"}, {"queue": "tech", "urgent": True}, []),
        ({"queue": "text"}, {"queue": "Billing", "urgent": False}, ["accuracy.blind"]),
        ({"queue": "text"}, {"queue": "tech", "urgent": False}, []),
    ],
)
def test_a_metric_has_to_tell_some_outputs_apart(metric, other, rule):
    """One by which every answer is right fails the gate; a field may be left out of it."""
    rows = [*spread(), row(16, TEST, other)]
    own = {"own.py:same": lambda *_: True}
    found = verdict(rows, settings={"metric": metric}, comparators=own)

    assert [item.rule for item in found.findings] == rule


def test_findings_are_capped_and_counted():
    """Fifty wrong rows give twenty findings and a count."""
    rows = spread(train=50)
    wrong = {f"r{n}": value({"queue": "tech", "urgent": False}) for n in range(1, 51)}
    found = verdict(rows, wrong, phase=Phase.SELECT)

    assert len(found.findings) == 21
    assert found.findings[-1].message == "31 more findings like these"


@pytest.mark.parametrize(
    ("block", "found"),
    [
        ({"treshold": 1}, "treshold"),
        ({"threshold": 0}, "threshold: 0"),
        ({"threshold": 1.5}, "1.5"),
        ({"threshold": True}, "True"),
        ({"coverage": "all"}, "all"),
        ({"confidence": 1}, "1"),
        ({"shown": -1}, "-1"),
        ({"metric": "exact"}, "exact"),
        ({"metric": {"queue": "near"}}, "near"),
        ({"split": {"train": 1}}, "train"),
    ],
)
def test_a_setting_that_is_not_understood_is_refused(block, found):
    """Unknown keys and values out of range are errors."""
    with pytest.raises(SpecError) as caught:
        AccuracySettings.parse(block, place)

    assert found in caught.value.found


def test_a_metric_of_a_field_that_no_output_has_is_refused():
    """A misspelt path must not leave a field compared exactly without a word."""
    schema = Schema.parse(
        {"type": "object", "properties": {"queue": {"type": "string"}}}, place, closed=True
    )
    settings = AccuracySettings.parse({"metric": {"queu": "text"}}, place)

    with pytest.raises(SpecError) as caught:
        settings.check(schema)

    assert str(caught.value) == "specs/x.yaml:7: found the field `queu`; expected one of queue"


def demanding(number, split):
    """A row that demands an abstention."""
    return dataclasses.replace(row(number, split), output=None)


def test_a_demanded_abstention_counts_apart():
    """Refused as asked: no right answer, no answered row, nothing taken from the coverage."""
    rows = [row(1, TRAIN), row(2, TEST), demanding(3, TEST), demanding(4, TRAIN)]

    found = verdict(rows, {"r3": ABSTAIN, "r4": ABSTAIN})

    assert found.passed
    assert (1, 1, 1.0) == tuple(found.figures[name] for name in ("rows", "right", "coverage"))
    assert {"rows": 2, "refused": 2} == found.figures["refusals"]


def test_an_answer_where_none_is_right_fails():
    """Each split has to be refused to the threshold, and only train rows are quoted."""
    rows = [row(1, TRAIN), row(2, TEST), demanding(3, TEST), demanding(4, TRAIN)]

    found = verdict(rows, {"r3": value({"queue": "abuse"}), "r4": value({"queue": "tech"})})

    assert {"accuracy.refusal"} == {item.rule for item in found.findings}
    assert (
        'tickets.jsonl:4: expected an abstention, got {"queue":"tech"}; input {"subject": "s4"}'
    ) in messages(found)
    assert ['tickets.jsonl:3: expected an abstention, got {"queue":"abuse"}'] == [
        item.message for item in found.findings if item.path and not item.quotable
    ]


def test_an_exception_is_no_abstention():
    """What fails on an input that has to be refused did not refuse it."""
    rows = [row(1, TEST), demanding(2, TEST)]

    found = verdict(rows, {"r2": Answer(status=Status.ERROR, detail="ValueError: x")})

    assert "1 of 1 test rows that demand an abstention are answered; expected 0.95 refused" in (
        messages(found)
    )


def test_refusals_alone_decide_nothing():
    """A split of rows without an answer shows no accuracy."""
    found = verdict([row(1, TRAIN), demanding(2, TEST)], {"r2": ABSTAIN})

    assert ["accuracy.rows"] == [item.rule for item in found.findings]


def test_what_may_be_refused_is_not_looked_at_while_selecting():
    """A test row that demands an abstention stays closed, too."""
    rows = [row(1, TRAIN), demanding(2, TEST)]

    assert verdict(rows, {"r2": value({"queue": "tech"})}, phase=Phase.SELECT).passed
