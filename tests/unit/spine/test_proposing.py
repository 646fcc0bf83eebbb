"""Where candidates come from: a user's file, or a model and its repairs."""

from __future__ import annotations

import pytest

from pytest_compiledai.core.candidate import Candidate
from pytest_compiledai.core.errors import RecordingMissing
from pytest_compiledai.core.kind import Judged
from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.functions.proposing import bill
from pytest_compiledai.functions.proposing import direct_tokens
from pytest_compiledai.functions.proposing import opening
from pytest_compiledai.functions.proposing import propose
from pytest_compiledai.llm.request import MOST_ANSWER_TOKENS

CODE = "def double(data: DoubleInput) -> DoubleOutput:\n    return {'m': 2 * data['n']}\n"
REPLY = f"Here it is.\n\n```python\n{CODE}```\n"
TOLD = Finding(rule="accuracy.wrong", message="train-row-finding", line=4)
KEPT = Finding(rule="accuracy.wrong", message="kept-back-finding", quotable=False)


def judged(candidate: Candidate, *findings: Finding, gate: str = "accuracy") -> Judged:
    return Judged(
        candidate=candidate,
        verdicts=(Verdict(gate="security"), Verdict(gate=gate, findings=findings)),
    )


def replied(text: str = REPLY) -> Candidate:
    return Candidate(files={"double.py": b"x"}, proposer="tester", attempt=1, reply=text)


def test_a_reply_becomes_a_candidate(specs, asking):
    """The artifact is the template around the reply's code; who wrote it is kept."""
    asking.answers = [REPLY]

    candidate = propose(specs.unit(), (), sample=0, asking=asking)

    (data,) = candidate.files.values()
    assert list(candidate.files) == ["double.py"]
    assert b"return {'m': 2 * data['n']}" in data
    assert (candidate.proposer, candidate.attempt, candidate.reply) == ("tester", 1, REPLY)
    assert candidate.refusal is None


def test_a_reply_without_code_is_a_candidate_that_is_refused(specs, asking):
    """The loop goes on from it: it has a finding and no files."""
    asking.answers = ["I would rather not."]

    candidate = propose(specs.unit(), (), sample=0, asking=asking)

    assert candidate.files == {}
    assert candidate.refusal is not None
    assert candidate.reply == "I would rather not."


def test_the_opening_shows_train_rows_alone(specs):
    """What is kept back is not told to whoever writes the code."""
    specs.write(
        "specs/double.jsonl",
        "".join(
            f'{{"id": "{s}", "input": {{"n": {n}}}, "output": {{"m": {n}}}, "split": "{s}"}}\n'
            for n, s in ((70001, "train"), (70002, "validation"), (70003, "test"))
        ),
    )

    text = "".join(content for _, content in opening(specs.unit().body))

    assert "70001" in text
    assert "70002" not in text
    assert "70003" not in text


def test_no_more_rows_are_shown_than_allowed(specs):
    """`shown` bounds the examples of a prompt."""
    text = opening(specs.unit("gates: {accuracy: {shown: 1}}\n").body)[1][1]

    assert text.count('"input":') == 1


def test_a_repair_is_a_conversation_that_quotes_what_may_be_quoted(specs, asking):
    """The reply goes back as it was, and of the findings only the quotable ones."""
    asking.answers = [REPLY]

    candidate = propose(
        specs.unit(), [judged(replied("first"), TOLD, KEPT)], sample=3, asking=asking
    )

    ((messages, sample),) = asking.asked
    assert [role for role, _ in messages] == ["system", "user", "assistant", "user"]
    assert messages[2] == ("assistant", "first")
    assert "The `accuracy` gate refused it." in messages[3][1]
    assert "train-row-finding" in messages[3][1]
    assert "kept-back-finding" not in str(messages)
    assert (candidate.attempt, sample) == (2, 3)


def test_a_gate_with_nothing_to_quote_is_named_all_the_same(specs, asking):
    """A model that may not know the row still knows which gate refused it."""
    asking.answers = [REPLY]

    propose(specs.unit(), [judged(replied(), KEPT, gate="fuzz")], sample=0, asking=asking)

    assert "The `fuzz` gate refused it." in asking.asked[0][0][3][1]


def fields(share_of_m: float, share_of_k: float, *findings: Finding) -> Judged:
    """A candidate that the accuracy gate refused, with the shares of its two fields."""
    figures = {"fields": {"k": share_of_k, "m": share_of_m}}
    verdict = Verdict(gate="accuracy", findings=findings, figures=figures)
    return Judged(candidate=replied(), verdicts=(Verdict(gate="security"), verdict))


def told_by(specs, asking, *history: Judged) -> str:
    """The last message of a repair in version 2."""
    asking.answers = [REPLY]
    propose(specs.unit("proposing: {repair: 2}\n"), history, sample=0, asking=asking)
    return asking.asked[-1][0][-1][1]


def test_a_targeted_repair_says_what_is_right_and_what_is_wrong(specs, asking):
    """Fields that are right on every row are to stay; gates that passed are named."""
    told = told_by(specs, asking, fields(0.5, 1.0, TOLD))

    assert "It passed `security` before." in told
    assert "to stay just as they are: `k`." in told
    assert "all that is to change: `m`." in told
    assert "train-row-finding" in told


def test_a_field_that_a_train_row_finds_wrong_is_not_called_right(specs, asking):
    """The figures are of the rows that choose; a finding on a train row says otherwise."""
    wrong = Finding(rule="accuracy.wrong", message="train-row-finding", field="k")

    told = told_by(specs, asking, fields(1.0, 1.0, wrong))

    assert "to stay just as they are: `m`." in told
    assert "all that is to change: `k`." in told


def test_a_field_that_is_often_wrong_does_not_hide_another(specs, asking):
    """Of the findings about one field a few stand for all."""
    often = [Finding(rule="r", message=f"m-{n}", field="m") for n in range(20)]
    once = Finding(rule="r", message="k-1", field="k")

    told = told_by(specs, asking, fields(0.0, 0.9, *often, once))

    assert "k-1" in told
    assert "m-2" in told
    assert "m-3" not in told


def test_a_targeted_repair_keeps_rows_that_are_kept_back(specs, asking):
    """It quotes no more than the plain one."""
    assert "kept-back-finding" not in told_by(specs, asking, fields(0.5, 1.0, TOLD, KEPT))


def test_every_turn_before_goes_back(specs, asking):
    """A second repair sees the first one, so that it does not undo it."""
    asking.answers = [REPLY]
    history = [judged(replied("one"), TOLD), judged(replied("two"), TOLD)]

    candidate = propose(specs.unit(), history, sample=0, asking=asking)

    replies = [content for role, content in asking.asked[0][0] if role == "assistant"]
    assert replies == ["one", "two"]
    assert candidate.attempt == 3


def test_repair_of_a_stale_artifact_starts_from_its_code(specs, asking):
    """No reply precedes it, so the code itself is shown, without the template around it."""
    asking.answers = [REPLY, REPLY]
    unit = specs.unit()
    frozen = propose(unit, (), sample=0, asking=asking)
    thawed = Candidate(files=frozen.files, proposer="tester", attempt=2)

    candidate = propose(unit, [judged(thawed, TOLD)], sample=0, asking=asking)

    messages, _ = asking.asked[1]
    assert [role for role, _ in messages] == ["system", "user", "user"]
    assert "This is the function as it stands:" in messages[2][1]
    assert "return {'m': 2 * data['n']}" in messages[2][1]
    assert "class DoubleInput" not in messages[2][1]
    assert candidate.attempt == 1


def test_a_file_of_the_users_is_taken_as_it_is(specs, asking):
    """It needs no fence and no model."""
    specs.write("specs/double.py", CODE)

    candidate = propose(specs.unit("candidate: double.py\n"), (), sample=0, asking=asking)

    assert candidate.proposer == "file:specs/double.py"
    assert candidate.files
    assert asking.asked == []


def test_a_file_of_the_users_is_never_repaired(specs, asking):
    """Once judged, the next step is an edit by hand, and no model is asked."""
    specs.write("specs/double.py", CODE)
    unit = specs.unit("candidate: double.py\n")
    first = propose(unit, (), sample=0, asking=asking)

    with pytest.raises(RecordingMissing, match=r"next: edit specs/double\.py, then pytest"):
        propose(unit, [judged(first, TOLD)], sample=0, asking=asking)
    assert asking.asked == []


def test_the_bill_counts_every_call(specs):
    """Chains times attempts, and the reference's requests of 25 inputs each."""
    unit = specs.unit("candidates: 3\ngates: {fuzz: {reference: model, reference_examples: 60}}\n")

    calls, tokens_in, tokens_out = bill(unit, 2)

    assert calls == 3 * 2 + 3
    assert tokens_out == calls * MOST_ANSWER_TOKENS
    assert tokens_in > bill(unit, 1)[1]


def test_the_bill_covers_the_longest_conversation(specs, asking):
    """No request of a chain has more bytes than two a token of the bill."""
    asking.answers = [REPLY]
    unit = specs.unit("gates: {fuzz: {reference: none}}\n")
    long = "x" * (2 * MOST_ANSWER_TOKENS)

    propose(unit, [judged(replied(long), *[TOLD] * 12)], sample=0, asking=asking)

    one = sum(len(content) for _, content in opening(unit.body))
    two = sum(len(content) for _, content in asking.asked[0][0])
    assert (one + two) / 2 <= bill(unit, 2)[1]


@pytest.mark.parametrize("more", ["gates: {fuzz: {reference: none}}\n", "gates: {fuzz: off}\n"])
def test_a_reference_that_is_not_asked_is_not_billed(specs, more):
    """Without a model as reference the proposals are all there is to pay."""
    assert bill(specs.unit(more), 2)[0] == 2


def test_a_file_of_the_users_costs_nothing(specs):
    """No call, no token."""
    specs.write("specs/double.py", CODE)

    assert bill(specs.unit("candidate: double.py\n"), 5) == (0, 0, 0)


def test_direct_tokens_grow_with_the_rows(specs):
    """One direct call costs its prompt and its row; nothing is known without train rows."""
    small = direct_tokens(specs.unit().body)
    row = '{{"id": "a", "input": {{"n": {}}}, "output": {{"m": 1}}, "split": "{}"}}\n'
    specs.write("specs/double.jsonl", row.format("1" + "0" * 400, "train"))
    large = direct_tokens(specs.unit().body)
    specs.write("specs/double.jsonl", row.format(1, "test"))

    assert small is not None
    assert large is not None
    assert 90 < large - small < 110
    assert direct_tokens(specs.unit().body) is None
