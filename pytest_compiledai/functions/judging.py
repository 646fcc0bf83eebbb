"""What each gate asks of a function: the gates' questions, put with this kind's facts."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

from pytest_compiledai.core.calls import Program
from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.core.canonical import digest_of
from pytest_compiledai.core.errors import ModelError
from pytest_compiledai.core.gate import Phase
from pytest_compiledai.core.source import Source
from pytest_compiledai.core.split import Split
from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.functions import reference
from pytest_compiledai.functions import weights
from pytest_compiledai.functions.assembly import expected_signature
from pytest_compiledai.functions.assembly import relocate
from pytest_compiledai.gates import accuracy
from pytest_compiledai.gates import comparators
from pytest_compiledai.gates import execution
from pytest_compiledai.gates import fuzz
from pytest_compiledai.gates import latency
from pytest_compiledai.gates import malformed
from pytest_compiledai.gates import security
from pytest_compiledai.gates import syntax
from pytest_compiledai.gates.aimed import aimed
from pytest_compiledai.gates.case import Malformed
from pytest_compiledai.gates.resting import resting
from pytest_compiledai.gates.tools import ScanRequest
from pytest_compiledai.gates.tools import policy_digest

__all__ = [
    "judge",
    "opened",
    "policy_digest",
    "program",
    "rank",
    "sources",
    "user_comparators",
    "version",
]

if TYPE_CHECKING:
    from pytest_compiledai.core.candidate import Candidate
    from pytest_compiledai.core.golden import Row
    from pytest_compiledai.core.kind import Bench
    from pytest_compiledai.core.unit import Unit
    from pytest_compiledai.functions.spec import FunctionSpec


def version(gate: str) -> int:
    """Return the version of a gate's policy, as it stands in the lock."""
    versions: dict[str, Callable[[], int]] = {
        "security": security.version,
        "syntax": syntax.version,
        "execution": lambda: execution.policy().version,
        "accuracy": lambda: accuracy.policy().version,
        "latency": lambda: latency.policy().version,
        "fuzz": lambda: fuzz.policy().version,
    }
    return versions[gate]()


def sources(unit: Unit, candidate: Candidate) -> tuple[ScanRequest, ...]:
    """Return what the analysers have to scan."""
    spec: FunctionSpec = unit.body
    return tuple(
        ScanRequest(source=Source(data=data, path=path), mypy=spec.syntax.mypy)
        for path, data in sorted(candidate.files.items())
        if path == weights.code_path(unit.name)
    )


def judge(gate: str, unit: Unit, candidate: Candidate, *, phase: Phase, bench: Bench) -> Verdict:
    """Return the verdict of one gate on one candidate."""
    if candidate.refusal is not None:
        return Verdict(gate=gate, findings=(candidate.refusal,))
    verdict = _asked(gate, unit, candidate, phase, bench)
    return relocate(unit.body, candidate, verdict) if gate in ("security", "syntax") else verdict


def _asked(gate: str, unit: Unit, candidate: Candidate, phase: Phase, bench: Bench) -> Verdict:
    asked = {
        "security": _security,
        "syntax": _syntax,
        "execution": _execution,
        "accuracy": _accuracy,
        "latency": _latency,
        "fuzz": _fuzz,
    }
    return asked[gate](unit, candidate, phase, bench)


def rank(verdicts: Sequence[Verdict]) -> float:
    """Return the accuracy on validation rows; of equals, the one with more coverage is better."""
    figures = next((v.figures for v in verdicts if v.gate == "accuracy"), {})
    validation = figures.get("splits", {}).get("validation", figures)
    return float(validation.get("accuracy", 0)) + float(validation.get("coverage", 0)) / 1_000


def _security(unit: Unit, candidate: Candidate, phase: Phase, bench: Bench) -> Verdict:
    del phase  # a text has no rows
    fault = weights.fault(unit.name, candidate.files)
    if fault:
        message = f"found {fault}; expected code, and weights that are tensors"
        finding = Finding(rule="security.weights", message=message, path=unit.name)
        return Verdict(gate=security.GATE, findings=(finding,))
    requests = sources(unit, candidate)
    _begin_drawing(unit, bench)
    return security.judge(
        requests[0].source,
        capabilities=frozenset(unit.capabilities),
        scans=bench.scans(requests),
    )


def _syntax(unit: Unit, candidate: Candidate, phase: Phase, bench: Bench) -> Verdict:
    del phase  # a text has no rows
    requests = sources(unit, candidate)
    return syntax.judge(
        requests[0].source,
        function=unit.name,
        signature=expected_signature(
            unit.body, weights=weights.has_weights(unit.name, candidate.files)
        ),
        settings=unit.body.syntax,
        scans=bench.scans(requests),
    )


def _execution(unit: Unit, candidate: Candidate, phase: Phase, bench: Bench) -> Verdict:
    spec: FunctionSpec = unit.body
    rows = opened(spec, phase)
    train = [row.input for row in spec.rows_in(Split.TRAIN)]
    asked = program(unit, candidate)
    return execution.judge(
        sandbox=bench.sandbox(),
        program=asked,
        cases=[
            execution.Case(input=row.key, place=row.place, quotable=row.split is Split.TRAIN)
            for row in rows
        ],
        malformed=malformed.derive(spec.input, train[:3], most=execution.policy().malformed),
        aimed=_aimed(spec, asked),
        input_schema=spec.input,
        output_schema=spec.output,
        seed=_seed(unit),
    )


def _accuracy(unit: Unit, candidate: Candidate, phase: Phase, bench: Bench) -> Verdict:
    spec: FunctionSpec = unit.body
    rows = opened(spec, phase)
    asked = program(unit, candidate)
    with bench.sandbox().open(asked) as session:
        answers = session.call([row.key for row in rows])
    by_row = {row.id: answer for row, answer in zip(rows, answers, strict=True)}
    with contextlib.ExitStack() as stack:
        verdict = accuracy.judge(
            rows=rows,
            answers=by_row,
            settings=spec.accuracy,
            phase=phase,
            source_text=asked.source.decode("utf-8"),
            spec_text=_told(spec),
            comparators=user_comparators(spec, bench, stack),
        )
    if verdict.findings:
        return verdict
    rests = resting(
        sandbox=bench.sandbox(),
        program=asked,
        rows=rows,
        answers=by_row,
        told=_told(spec),
        rules=accuracy.policy(),
    )
    return dataclasses.replace(verdict, findings=rests)


def _latency(unit: Unit, candidate: Candidate, phase: Phase, bench: Bench) -> Verdict:
    del phase  # train inputs only: nothing learns from the others
    spec: FunctionSpec = unit.body
    return latency.judge(
        sandbox=bench.sandbox(),
        program=program(unit, candidate),
        inputs=[row.key for row in spec.rows_in(Split.TRAIN)],
        settings=spec.latency,
        reference_seconds=reference.seconds(unit, bench.asking()),
        exclusive=bench.exclusive(),
        load_ms=latency.policy().load_ms,
    )


def _fuzz(unit: Unit, candidate: Candidate, phase: Phase, bench: Bench) -> Verdict:
    del phase  # train inputs only: nothing learns from the others
    spec: FunctionSpec = unit.body
    try:
        references = reference.references(unit, bench)
    except ModelError as error:
        message = f"found {error.found}; expected {error.expected}; next: {error.next}"
        finding = Finding(
            rule="fuzz.reference", message=message, path=str(error.where), quotable=False
        )
        return Verdict(gate="fuzz", findings=(finding,))
    asked = program(unit, candidate)
    with contextlib.ExitStack() as stack:
        return fuzz.judge(
            sandbox=bench.sandbox(),
            program=asked,
            input_schema=spec.input,
            output_schema=spec.output,
            train_inputs=[row.input for row in spec.rows_in(Split.TRAIN)],
            aimed=[item.input for item in _aimed(spec, asked)],
            settings=spec.fuzz,
            coverage=spec.accuracy.coverage,
            seed=_seed(unit),
            draw=bench.drawer().examples,
            references=references,
            comparators=accuracy.resolved(spec.accuracy, user_comparators(spec, bench, stack)),
        )


def _aimed(spec: FunctionSpec, asked: Program) -> tuple[Malformed, ...]:
    """Return the inputs that hold literals of a program."""
    train = [row.input for row in spec.rows_in(Split.TRAIN)][:3]
    text = asked.source.decode("utf-8")
    return aimed(text, spec.input, train, most=execution.policy().aimed)


def _begin_drawing(unit: Unit, bench: Bench) -> None:
    """Have the last gate's examples drawn while the gates before it ask."""
    if fuzz.GATE not in unit.gates:
        return
    spec: FunctionSpec = unit.body
    train = [row.input for row in spec.rows_in(Split.TRAIN)]
    bench.drawer().begin(spec.input, train, count=spec.fuzz.examples, seed=_seed(unit))


def opened(spec: FunctionSpec, phase: Phase) -> tuple[Row, ...]:
    """Return the rows that ``phase`` may open, those of one input once.

    A row that is repeated shows nothing more, and would hide what the others show.
    """
    may = [row for row in spec.rows if phase is Phase.ACCEPT or row.split is not Split.TEST]
    first = {row.key: row for row in reversed(may)}
    return tuple(row for row in may if first[row.key] is row)


def program(unit: Unit, candidate: Candidate) -> Program:
    """Return a candidate as the sandbox loads it."""
    spec: FunctionSpec = unit.body
    return weights.program_of(unit.name, candidate.files, unit.capabilities, spec.call_tables)


def user_comparators(
    spec: FunctionSpec, bench: Bench, stack: contextlib.ExitStack
) -> dict[str, comparators.Comparator]:
    """Return the callables of the spec's own comparators, alive until ``stack`` closes."""
    sandbox = bench.sandbox()
    return {
        own.name: stack.enter_context(
            comparators.in_sandbox(sandbox, spec.user_files[own.path].encode("utf-8"), own.function)
        )
        for own in spec.accuracy.user_comparators
    }


def _told(spec: FunctionSpec) -> str:
    """Return what the proposer was told about values: literals in it are not memorised."""
    schemas: Any = [spec.input.data, spec.output.data]
    # Whoever declares a linear model asks for places of words in a table, which are digests.
    declared = "\nhashed words" if spec.linear is not None else ""
    return f"{spec.description}\n{canonical_json(schemas).decode('ascii')}{declared}"


def _seed(unit: Unit) -> int:
    """Return the seed of everything drawn for a unit: equal on every machine and in every order."""
    return int(digest_of([unit.name, "seed"])[:8], 16)
