"""The fuzz gate: inputs nobody wrote, and what a reference answers to inputs like those that come.

Every example must keep the execution gate's promises. All examples go to the sandbox in one batch;
only where one fails is it made small, step by step.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any
from typing import Final
from typing import NamedTuple

from pytest_compiledai.core.calls import Limits
from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.gates import settings as reading
from pytest_compiledai.gates.agreement import Bar
from pytest_compiledai.gates.agreement import Reference
from pytest_compiledai.gates.agreement import compare
from pytest_compiledai.gates.agreement import valid_references
from pytest_compiledai.gates.batches import call_bounded
from pytest_compiledai.gates.comparators import USER
from pytest_compiledai.gates.drawing import draw_references
from pytest_compiledai.gates.drawing import drawn_or_none
from pytest_compiledai.gates.edges import edges
from pytest_compiledai.gates.policyfile import read_policy
from pytest_compiledai.gates.promise import KILLS
from pytest_compiledai.gates.promise import Breach
from pytest_compiledai.gates.promise import breach
from pytest_compiledai.gates.promise import capped
from pytest_compiledai.gates.promise import same_answer
from pytest_compiledai.gates.promise import shown_json
from pytest_compiledai.gates.shrinking import shrink

if TYPE_CHECKING:
    from pytest_compiledai.core.calls import Answer
    from pytest_compiledai.core.calls import Program
    from pytest_compiledai.core.calls import Sandbox
    from pytest_compiledai.core.calls import Session
    from pytest_compiledai.core.schema import Schema
    from pytest_compiledai.gates.comparators import Comparator

__all__ = ["GATE", "Bar", "FuzzSettings", "Reference", "draw_references", "judge", "policy"]

GATE: Final = "fuzz"
_KEYS: Final = ("examples", "reference", "reference_examples", "agreement", "coverage")
_MOST_EXAMPLES: Final = 100_000
_MOST_REFERENCES: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FuzzPolicy:
    """What ``gates/fuzz/policy.toml`` states."""

    version: int
    examples: int
    reference_examples: int
    agreement: float
    edges: int  # most inputs at the ends of the schema
    call_s: float  # wall clock of one call
    batch: int  # inputs of one batch once a worker had to be killed
    kills: int  # killed workers after which no further input is tried
    shrink_calls: int  # inputs tried to make a counterexample small
    shrink_kills: int  # the same, where every failing one kills a worker
    findings: int  # most findings told


def policy() -> FuzzPolicy:
    """Return the constants of this gate."""
    return read_policy(GATE, FuzzPolicy)


@dataclass(frozen=True, slots=True, kw_only=True)
class FuzzSettings:
    """The `fuzz:` block of a spec."""

    examples: int = 200
    reference: str = "model"  # or `none`, or file.py:function
    reference_examples: int = 25
    agreement: float = 0.95
    coverage: float | None = None  # that of the accuracy gate

    @classmethod
    def parse(cls, block: Mapping[str, Any], place: reading.At) -> FuzzSettings:
        """Return the settings; raises ``SpecError`` at what is not understood."""
        rules = policy()
        reading.known_keys(block, _KEYS, place)
        reference = block.get("reference", "model")
        named = isinstance(reference, str) and USER.fullmatch(reference)
        if reference not in ("model", "none") and not named:
            expected = "model, none, or file.py:function"
            found = f"reference: {reference!r}"[:120]
            raise SpecError(where=place("reference"), found=found, expected=expected)
        whole = reading.whole
        return cls(
            examples=whole(block, "examples", rules.examples, place, least=1, most=_MOST_EXAMPLES),
            reference=reference,
            reference_examples=whole(
                block,
                "reference_examples",
                rules.reference_examples,
                place,
                least=1,
                most=_MOST_REFERENCES,
            ),
            agreement=reading.bar(block, "agreement", rules.agreement, place),
            coverage=reading.share(block, "coverage", 0, place) if "coverage" in block else None,
        )

    def bar(self, coverage: float) -> Bar:
        """Return what is demanded where the accuracy gate demands ``coverage``.

        Only a spec that states 0 here lets a candidate abstain from all that the reference answers.
        """
        if self.coverage is None:
            return Bar(agreement=self.agreement, coverage=coverage)
        least = 1 if self.coverage else 0
        return Bar(agreement=self.agreement, coverage=self.coverage, least=least)

    @property
    def user_reference(self) -> tuple[str, str] | None:
        """The path, relative to the spec, and the function of the project's own reference."""
        match = USER.fullmatch(self.reference)
        return (match["path"], match["function"]) if match else None


class _Failure(NamedTuple):
    input: bytes
    breach: Breach
    kills: bool  # the worker died of it


def judge(
    *,
    sandbox: Sandbox,
    program: Program,
    input_schema: Schema,
    output_schema: Schema,
    train_inputs: Sequence[Any],
    aimed: Sequence[bytes] = (),
    settings: FuzzSettings,
    coverage: float,
    seed: int,
    draw: Callable[..., tuple[bytes, ...]] = drawn_or_none,
    references: Sequence[Reference] = (),
    comparators: Mapping[str, Comparator] | None = None,
) -> Verdict:
    """Return the verdict over drawn examples and, where the spec names one, over the reference.

    ``aimed`` are inputs made for the program, asked beside the drawn ones. ``seed`` decides the
    examples, whatever process ``draw`` draws them in. ``coverage`` is the
    least share of reference examples to be answered; ``comparators`` are callables by path. Figures
    hold the small counterexample as ``counterexample``. Raises ``SandboxError`` only.
    """
    rules = policy()
    drawn = draw(input_schema, train_inputs, count=settings.examples, seed=seed)
    ends = edges(input_schema, train_inputs, most=rules.edges)
    figures: dict[str, Any] = {"examples": len(drawn), "edges": len(ends)}
    if not drawn:
        message = "found no example that the input schema allows; expected one that can be drawn"
        finding = Finding(rule=f"{GATE}.unsatisfiable", message=message)
        return Verdict(gate=GATE, findings=(finding,), figures=figures)
    drawn = tuple(dict.fromkeys((*drawn, *ends, *aimed)))
    with sandbox.open(program, limits=Limits(call_s=rules.call_s)) as session:
        answers = call_bounded(session, drawn, batch=rules.batch, kills=rules.kills)
        figures["abstained"] = sum(answer.status.value == "abstain" for answer in answers)
        failures = _failures(session, drawn, answers, output_schema)
        findings = []
        if failures:
            small = _shrunk(session, failures[0], input_schema, output_schema, rules)
            figures["counterexample"] = json.loads(small.input)
            figures["failing"] = len(failures)
            findings = [_finding(small)]
        if settings.reference != "none" and not failures:
            findings += _referred(
                session,
                references,
                output_schema,
                comparators or {},
                bar=settings.bar(coverage),
                figures=figures,
            )
    return Verdict(gate=GATE, findings=capped(findings, rules.findings), figures=figures)


def _failures(
    session: Session, inputs: Sequence[bytes], answers: Sequence[Answer], output: Schema
) -> list[_Failure]:
    """Return every broken promise, the shortest input first."""
    found = [
        _Failure(data, broken, answer.status in KILLS)
        for data, answer in zip(inputs, answers, strict=False)
        if (broken := breach(answer, output)) is not None
    ]
    if not found:
        found = _unstable(session, inputs, answers)
    return sorted(found, key=lambda item: (item.kills, len(item.input), item.input))


def _unstable(
    session: Session, inputs: Sequence[bytes], answers: Sequence[Answer]
) -> list[_Failure]:
    """Return the inputs that get another answer when all are called again, the last one first."""
    again = session.call(list(reversed(inputs)))
    return [
        _Failure(data, _UNSTABLE, kills=False)
        for data, one, other in zip(inputs, answers, reversed(again), strict=True)
        if not same_answer(one, other)
    ]


_UNSTABLE: Final = Breach("unstable", "another answer when called again", "the same bytes")


def _shrunk(
    session: Session,
    failure: _Failure,
    input_schema: Schema,
    output_schema: Schema,
    rules: FuzzPolicy,
) -> _Failure:
    """Return a smaller input that breaks the same promise."""
    met: dict[bytes, Breach] = {failure.input: failure.breach}

    def fails(inputs: Sequence[bytes]) -> list[bool]:
        if failure.kills:
            # Each failing call costs its whole timeout, so the first one ends the batch.
            first = next((i for i, data in enumerate(inputs) if _fails_alone(data)), None)
            return [index == first for index in range(len(inputs))]
        answers = session.call([*inputs, *inputs])
        return [
            _same_breach(data, one, other)
            for data, one, other in zip(
                inputs, answers[: len(inputs)], answers[len(inputs) :], strict=True
            )
        ]

    def _fails_alone(data: bytes) -> bool:
        (answer,) = session.call([data])
        return _same_breach(data, answer, answer)

    def _same_breach(data: bytes, one: Answer, other: Answer) -> bool:
        broken = breach(one, output_schema)
        if broken is None and not same_answer(one, other):
            broken = _UNSTABLE
        if broken is None or _kind(broken) != _kind(failure.breach):
            return False
        met[data] = broken
        return True

    calls = rules.shrink_kills if failure.kills else rules.shrink_calls
    value = shrink(json.loads(failure.input), input_schema, fails, calls=calls)
    data = canonical_json(value)
    return _Failure(data, met[data], failure.kills)


def _kind(broken: Breach) -> tuple[str, str]:
    """Return what two breaches share when they are one bug: the rule, and an exception's type."""
    return broken.name, broken.found.partition(":")[0] if broken.name == "exception" else ""


def _finding(failure: _Failure) -> Finding:
    shown = shown_json(json.loads(failure.input))
    return Finding(rule=f"{GATE}.{failure.breach.name}", message=f"{shown}: {failure.breach}")


def _referred(
    session: Session,
    references: Sequence[Reference],
    output: Schema,
    comparators: Mapping[str, Comparator],
    *,
    bar: Bar,
    figures: dict[str, Any],
) -> list[Finding]:
    valid, findings = valid_references(references, output)
    answers = session.call([canonical_json(item.input) for item in valid])
    invalid = len(references) - len(valid)
    compared = compare(valid, answers, comparators, bar, invalid=invalid)
    figures["reference"] = dict(compared.figures)
    return findings or list(compared.findings)
