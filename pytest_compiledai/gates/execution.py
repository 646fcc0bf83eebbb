"""The execution gate: does the code keep its promises, and answer the same under any surroundings.

Every golden and every malformed input gets an output of the schema or an Abstain, and the same
bytes again: called twice, under another hash seed, timezone and locale, in another order, in a
fresh process. Whether an answer is right is the accuracy gate's question.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from typing import TYPE_CHECKING
from typing import Final

from pytest_compiledai.core.calls import Conditions
from pytest_compiledai.core.calls import Limits
from pytest_compiledai.core.calls import Status
from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.gates.batches import call_bounded
from pytest_compiledai.gates.case import Case
from pytest_compiledai.gates.case import Malformed
from pytest_compiledai.gates.policyfile import read_policy
from pytest_compiledai.gates.promise import KILLS
from pytest_compiledai.gates.promise import breach
from pytest_compiledai.gates.promise import capped
from pytest_compiledai.gates.promise import cut
from pytest_compiledai.gates.promise import same_answer

if TYPE_CHECKING:
    from pytest_compiledai.core.calls import Answer
    from pytest_compiledai.core.calls import Program
    from pytest_compiledai.core.calls import Sandbox
    from pytest_compiledai.core.calls import Session
    from pytest_compiledai.core.schema import Schema

__all__ = ["GATE", "Case", "ExecutionPolicy", "Malformed", "judge", "policy"]

GATE: Final = "execution"
_LABEL: Final = 80  # characters of what was done to an input
_STEADY = "a module that equal calls leave as it was"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionPolicy:
    """What ``gates/execution/policy.toml`` states."""

    version: int
    call_s: float  # wall clock of one call
    malformed: int  # most malformed inputs
    aimed: int  # most inputs with a literal of the program in them
    fresh: int  # most inputs called again in a process of their own
    batch: int  # inputs of one batch until it is known that calls end
    kills: int  # killed workers after which no further input is tried
    findings: int  # most findings told
    hash_seed: int  # the other surroundings
    timezone: str
    locale: str
    kept: int  # most inputs of the two rounds after which what is kept is compared


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """One input, and how messages name it."""

    input: bytes
    lead: str
    path: str
    line: int
    quotable: bool


def policy() -> ExecutionPolicy:
    """Return the constants of this gate."""
    return read_policy(GATE, ExecutionPolicy)


def judge(
    *,
    sandbox: Sandbox,
    program: Program,
    cases: Sequence[Case],
    malformed: Sequence[Malformed],
    aimed: Sequence[Malformed] = (),
    input_schema: Schema,
    output_schema: Schema,
    seed: int,
) -> Verdict:
    """Return the verdict over golden and malformed inputs, and those ``aimed`` at the program.

    ``seed`` decides the shuffled order. Raises ``SandboxError`` only.
    """
    rules = policy()
    asked = [_of_case(case) for case in cases] + [_of_malformed(item) for item in malformed]
    asked += [_of_aimed(item) for item in aimed]
    if not cases:
        return Verdict(gate=GATE, findings=(_no_rows(),))
    limits = Limits(call_s=rules.call_s)
    with sandbox.open(program, conditions=Conditions(), limits=limits) as session:
        first = call_bounded(
            session, [item.input for item in asked], batch=rules.batch, kills=rules.kills
        )
        known = len(asked) - len(aimed)
        findings = _broken(asked[:known], first[:known], output_schema)
        # What an input that nobody wrote may break is the fuzz gate's question; what ends a worker
        # would leave the questions below unasked.
        killed = [n for n, a in enumerate(first) if n >= known and a.status in KILLS]
        findings += _broken([asked[n] for n in killed], [first[n] for n in killed], output_schema)
        whole = len(first) == len(asked) and not any(a.status in KILLS for a in first)
        if whole:
            again = session.call([item.input for item in asked])
            findings += _differing(asked, first, again, "a repeated call")
            if not any(is_load_failure(answer) for answer in first):
                findings += _remembered(session, asked, len(aimed), rules.kept)
    if whole:
        calls = _Elsewhere(
            sandbox=sandbox,
            program=program,
            inputs=[item.input for item in asked],
            limits=limits,
        )
        findings += _unstable(calls, asked, first, rules=rules, seed=seed)
    figures = _figures(asked[:known], first[:known], len(cases), input_schema)
    figures["aimed"] = len(first[known:])
    return Verdict(gate=GATE, findings=capped(_unique(findings), rules.findings), figures=figures)


def _remembered(session: Session, asked: Sequence[_Asked], aimed: int, most: int) -> list[Finding]:
    """Return a finding for each name of the module that calls or their callers can change.

    Up to half of the inputs that are called are of the last ``aimed``.
    """
    known = len(asked) - aimed
    inputs = [item.input for item in asked]
    sample = sorted(inputs[known:], key=digest)[: most // 2]
    sample += sorted(inputs[:known], key=digest)[: most - len(sample)]
    answer = session.kept(sample)
    try:
        left, shared = json.loads(answer.value or "null")
        told = [f"found {cut(name)}, which calls change; expected {_STEADY}" for name in left]
        told += [f"found {cut(name)} in an answer; expected a copy of it" for name in shared]
    except (ValueError, TypeError, AttributeError):
        status = answer.status.value
        told = [f"found no way to compare what calls leave behind ({status}); expected {_STEADY}"]
    return [Finding(rule=f"{GATE}.state", message=text) for text in told]


def _of_case(case: Case) -> _Asked:
    place = case.place
    return _Asked(
        input=case.input,
        lead=str(place),
        path=place.path,
        line=place.line,
        quotable=case.quotable,
    )


def _of_malformed(item: Malformed) -> _Asked:
    lead = f"malformed input ({item.label})"
    return _Asked(input=item.input, lead=lead, path="", line=0, quotable=True)


def _of_aimed(item: Malformed) -> _Asked:
    lead = f"input with a literal ({cut(item.label, _LABEL)})"
    return _Asked(input=item.input, lead=lead, path="", line=0, quotable=True)


def _no_rows() -> Finding:
    message = "no golden row; found nothing to run, expected at least one"
    return Finding(rule=f"{GATE}.rows", message=message)


def _broken(asked: Sequence[_Asked], answers: Sequence[Answer], output: Schema) -> list[Finding]:
    findings = []
    # Code that cannot be loaded answers every call alike: one cause, one finding.
    load = next((a.detail for a in answers if is_load_failure(a)), None)
    if load is not None:
        message = f"found {cut(load)}; expected a module that loads"
        return [Finding(rule=f"{GATE}.load", message=message)]
    for item, answer in zip(asked, answers, strict=False):
        found = breach(answer, output)
        if found is not None:
            findings.append(_finding(item, found.name, str(found)))
    return findings


def is_load_failure(answer: Answer) -> bool:
    """Return whether an answer says that the program itself did not load."""
    return answer.detail.startswith("while loading: ")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Elsewhere:
    """Calls of one program again, in other sessions."""

    sandbox: Sandbox
    program: Program
    inputs: Sequence[bytes]
    limits: Limits

    def ordered(self, order: Sequence[int], conditions: Conditions) -> list[Answer]:
        """Return the answers by input, called in ``order`` in a new session."""
        with self.sandbox.open(self.program, conditions=conditions, limits=self.limits) as session:
            answers = session.call([self.inputs[index] for index in order])
        back = dict(zip(order, answers, strict=True))
        return [back[index] for index in range(len(self.inputs))]

    def fresh(self, sample: Sequence[int]) -> list[Answer]:
        """Return the answers of a sample, each from a process of its own."""
        inputs = [self.inputs[index] for index in sample]
        return self.sandbox.call_fresh(
            self.program, inputs, conditions=Conditions(), limits=self.limits
        )


def _unstable(
    calls: _Elsewhere,
    asked: Sequence[_Asked],
    first: Sequence[Answer],
    *,
    rules: ExecutionPolicy,
    seed: int,
) -> list[Finding]:
    """Return what differs in other surroundings, in another order, in fresh processes."""
    straight = range(len(asked))
    order = list(straight)
    random.Random(seed).shuffle(order)  # noqa: S311 - an order that repeats, no secret
    if order[0] == 0:
        order.reverse()  # what the first call leaves behind must show
    # One seed for all units: a process is prepared for each, and never 0, the first session's.
    other = Conditions(hash_seed=rules.hash_seed, timezone=rules.timezone, locale=rules.locale)
    turned = replace(calls, inputs=[_turned(data) for data in calls.inputs])
    moved = turned.ordered(order, other)
    findings = []
    if not all(same_answer(a, b) for a, b in zip(first, moved, strict=True)):
        keys = turned.ordered(straight, Conditions())
        findings += _differing(asked, first, keys, "the same input with its keys in another order")
        where = "another hash seed, timezone and locale"
        findings += _differing(asked, first, calls.ordered(straight, other), where)
        mixed = calls.ordered(order, Conditions())
        findings += _differing(asked, first, mixed, "another order of the calls")
        both = f"{where} and another order"
        findings = findings or _differing(asked, first, moved, f"{both}, of calls and keys")
    sample = sorted(sorted(straight, key=lambda i: digest(asked[i].input))[: rules.fresh])
    kept = [first[i] for i in sample]
    fresh = calls.fresh(sample)
    return findings + _differing([asked[i] for i in sample], kept, fresh, "a fresh process")


def _turned(data: bytes) -> bytes:
    """Return an input whose objects have their keys the other way round: callers sort none."""
    turned = json.loads(data, object_pairs_hook=lambda pairs: dict(reversed(pairs)))
    return json.dumps(turned, separators=(",", ":")).encode("ascii")


def _differing(
    asked: Sequence[_Asked], one: Sequence[Answer], other: Sequence[Answer], where: str
) -> list[Finding]:
    findings = []
    for item, before, after in zip(asked, one, other, strict=True):
        if not same_answer(before, after):
            # What it answered is left out: unstable bytes would make the message unstable too.
            text = f"found another answer in {where}; expected the same bytes"
            findings.append(_finding(item, "unstable", text))
    return findings


def _finding(item: _Asked, name: str, text: str) -> Finding:
    message = f"{item.lead}: {text}"
    if item.quotable:
        message += f"; input {cut(item.input.decode('ascii'))}"
    return Finding(
        rule=f"{GATE}.{name}",
        message=message,
        path=item.path,
        line=item.line,
        quotable=item.quotable,
    )


def _unique(findings: Sequence[Finding]) -> list[Finding]:
    return list(dict.fromkeys(findings))


def _figures(
    asked: Sequence[_Asked], answers: Sequence[Answer], rows: int, schema: Schema
) -> dict[str, int]:
    wrong = [item for item in asked[rows:] if schema.problems(json.loads(item.input))]
    abstained = sum(answer.status is Status.ABSTAIN for answer in answers)
    return {
        "rows": min(rows, len(answers)),
        "malformed": max(0, len(answers) - rows),
        "malformed_invalid": len(wrong),
        "abstained": abstained,
    }
