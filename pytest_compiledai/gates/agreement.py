"""Agreement with a reference: the model answering directly, or a function of the project's own.

A reference that abstains says something, too: what it leaves open the candidate may not answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_compiledai.core.calls import Status
from pytest_compiledai.core.interval import portion
from pytest_compiledai.core.interval import wilson
from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.gates.comparators import ComparatorFault
from pytest_compiledai.gates.promise import cut
from pytest_compiledai.gates.promise import shown_json
from pytest_compiledai.gates.scoring import Difference
from pytest_compiledai.gates.scoring import Scored
from pytest_compiledai.gates.scoring import score

if TYPE_CHECKING:
    from pytest_compiledai.core.calls import Answer
    from pytest_compiledai.core.place import Place
    from pytest_compiledai.core.schema import Schema
    from pytest_compiledai.gates.comparators import Comparator

_FEWEST_VALID: Final = 0.5  # a reference that answers less than half in the schema says nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """An input and what the reference answered to it."""

    input: Any
    output: Any  # None where it gave nothing
    place: Place  # of the recording
    abstained: bool = False  # it said that the description does not decide


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """What is demanded of a candidate against the reference."""

    agreement: float  # of the answered
    coverage: float  # least share answered of what the reference answers
    least: int = 1  # answered of it, however low the share may be


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What comparing with a reference gave."""

    findings: tuple[Finding, ...]
    figures: Mapping[str, Any]


def valid_references(
    references: Sequence[Reference], output: Schema
) -> tuple[list[Reference], list[Finding]]:
    """Return the references that say something, and why there are too few, if so.

    They answer by the schema, or abstain.
    """
    valid = [item for item in references if item.abstained or not output.problems(item.output)]
    if valid and len(valid) >= _FEWEST_VALID * len(references):
        return valid, []
    counts = f"{len(valid)} of {len(references)} answers of the reference are of the output schema"
    message = f"found {counts} or abstain; expected at least half"
    return valid, [Finding(rule="fuzz.reference", message=message)]


def compare(
    valid: Sequence[Reference],
    answers: Sequence[Answer],
    comparators: Mapping[str, Comparator],
    bar: Bar,
    *,
    invalid: int,
) -> Compared:
    """Return the findings and figures of the answers to valid references, in their order."""
    try:
        pairs = [
            (item, _scored(item, answer, comparators))
            for item, answer in zip(valid, answers, strict=True)
        ]
    except ComparatorFault as fault:
        message = f"found {fault} from a comparator; expected true or false"
        return Compared(findings=(Finding(rule="fuzz.comparator", message=message),), figures={})
    answered = sum(scored.answered for _, scored in pairs)
    agreed = sum(scored.right for _, scored in pairs)
    findings = _too_few_answered(pairs, bar)
    if agreed < portion(bar.agreement, answered):
        text = f"{agreed} of {answered} answers agree with the reference"
        findings.append(_found("agreement", f"found {text}; expected {bar.agreement:g}"))
        findings += [found for item, scored in pairs for found in _differing(item, scored)]
    span = wilson(agreed, answered)
    figures = {
        "examples": len(pairs) + invalid,
        "invalid": invalid,
        "abstained": sum(item.abstained for item, _ in pairs),
        "answered": answered,
        "agreed": agreed,
        "agreement": round(agreed / answered, 6) if answered else 0.0,
        "interval": {"low": round(span.low, 6), "high": round(span.high, 6)},
    }
    return Compared(findings=tuple(findings), figures=figures)


def _scored(item: Reference, answer: Answer, comparators: Mapping[str, Comparator]) -> Scored:
    """Return how an answer compares; to a reference that abstained every answer is wrong."""
    scored = score(item.output, answer, comparators)
    if not item.abstained or not scored.answered:
        return scored
    got = answer.value.decode("utf-8") if answer.status is Status.VALUE else answer.status.value
    whole = Difference(path="", expected="an abstention", got=cut(got))
    return Scored(answered=True, differences=(whole,))


def _too_few_answered(pairs: Sequence[tuple[Reference, Scored]], bar: Bar) -> list[Finding]:
    """Return what is left open though the reference answers it, where that is too much."""
    stated = [(item, scored) for item, scored in pairs if not item.abstained]
    answered = sum(scored.answered for _, scored in stated)
    enough = answered >= bar.least and answered >= portion(bar.coverage, len(stated))
    if not stated or enough:
        return []
    text = f"{answered} of {len(stated)} reference examples are answered"
    found = _found("coverage", f"found {text}; expected {bar.coverage:g}")
    return [found, *(_abstained(item, scored) for item, scored in stated if not scored.answered)]


def _found(name: str, message: str) -> Finding:
    return Finding(rule=f"fuzz.{name}", message=message)


def _abstained(item: Reference, scored: Scored) -> Finding:
    expected = shown_json(item.output)
    message = f"{item.place}: abstained ({scored.reason}); expected {expected}"
    return Finding(
        rule="fuzz.coverage",
        message=f"{message}; input {shown_json(item.input)}",
        path=item.place.path,
        line=item.place.line,
    )


def _differing(item: Reference, scored: Scored) -> list[Finding]:
    return [
        Finding(
            rule="fuzz.disagreement",
            message=f"{_path(item, difference)}: expected {difference.expected} (reference), "
            f"got {difference.got}; input {shown_json(item.input)}",
            path=item.place.path,
            line=item.place.line,
        )
        for difference in scored.differences
    ]


def _path(item: Reference, difference: Difference) -> str:
    return f"{item.place} {difference.path}".strip()
