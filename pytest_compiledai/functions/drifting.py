"""What sampled calls say of a function in production, and which of them would be golden rows.

A right answer is a label, else what the reference function answers in the sandbox, else what the
reference model answered when it was recorded. No model is asked: calls hold texts of strangers.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from typing import Any
from typing import Final
from typing import NamedTuple

from pytest_compiledai.core.calls import Program
from pytest_compiledai.core.calls import Status
from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.errors import ModelError
from pytest_compiledai.core.kind import Drifted
from pytest_compiledai.core.place import Place
from pytest_compiledai.core.sampled import is_redacted
from pytest_compiledai.core.suspicion import suspicious
from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.functions import reference
from pytest_compiledai.functions.judging import user_comparators
from pytest_compiledai.gates import accuracy
from pytest_compiledai.gates import drift as gate
from pytest_compiledai.gates import shift as shifts
from pytest_compiledai.gates.comparators import ComparatorFault
from pytest_compiledai.gates.drift import Compared
from pytest_compiledai.gates.drift import Look
from pytest_compiledai.gates.drift import Production
from pytest_compiledai.gates.scoring import differences

if TYPE_CHECKING:
    from pytest_compiledai.core.kind import Bench
    from pytest_compiledai.core.sampled import Call
    from pytest_compiledai.core.unit import Unit
    from pytest_compiledai.functions.spec import FunctionSpec
    from pytest_compiledai.gates.comparators import Comparator

_LONGEST_ROW: Final = 64_000  # bytes of a proposed row's input
_PLAIN = re.compile(r"[A-Za-z0-9_.\[\]]{1,80}")


class Right(NamedTuple):
    """A right answer and who says so."""

    output: Any
    basis: str  # label, function, reference or recording


def drift(
    unit: Unit, files: Mapping[str, str], calls: Sequence[Call], where: str, bench: Bench
) -> Drifted:
    """Return the verdict on the calls of the artifact ``files``, and rows where it failed."""
    spec: FunctionSpec = unit.body
    sha256 = files[f"{unit.name}.py"]
    current = [call for call in calls if call.sha256 == sha256]
    bad = [call for call in current if call.label is not None and _is_bad(spec, call.label)]
    known = {call.row: found for call, found in _known(unit, current, bench)}
    with contextlib.ExitStack() as stack:
        own = spec.accuracy.user_comparators  # without them no sandbox is needed
        users = user_comparators(spec, bench, stack) if own else {}
        comparing = accuracy.resolved(spec.accuracy, users)
        try:
            pairs = list(_pairs(current, known, comparing))
        except ComparatorFault as fault:
            message = f"found {fault} from a comparator; expected true or false"
            finding = Finding(rule="drift.comparator", message=message, quotable=False)
            verdict = Verdict(gate=gate.GATE, findings=(finding,))
            return Drifted(verdict, _beside(unit), b"")
    compared, agreed, apart = _decisive(pairs, current)
    production = Production(
        sha256=sha256,
        calls=calls,
        where=where,
        compared=compared,
        agreed=agreed,
        reference_right=_reference_right(spec, current, comparing),
        apart=apart,
        bad_labels=bad,
    )
    look = Look(production, [row.input for row in spec.rows], spec.input, spec.output, spec.drift)
    verdict = look.verdict()
    rows = [] if verdict.passed else _proposed(spec, look, known)
    figures = {**verdict.figures, "proposed": len(rows)}
    verdict = Verdict(gate=verdict.gate, findings=verdict.findings, figures=figures)
    lines = [json.dumps(row, ensure_ascii=True) for row in rows]
    return Drifted(verdict, _beside(unit), "".join(f"{line}\n" for line in lines).encode("ascii"))


def _beside(unit: Unit) -> str:
    # A hyphen, so that the recorded calls of no capability can have that name.
    return (PurePosixPath(unit.body.golden).parent / f"{unit.name}.drift-rows.jsonl").as_posix()


def _is_bad(spec: FunctionSpec, label: Any) -> bool:
    return gate.breaks(spec.output, label)


def _known(unit: Unit, calls: Sequence[Call], bench: Bench) -> Iterator[tuple[Call, Right]]:
    """Yield calls with their right answers: a label, else the reference's to the whole input."""
    spec: FunctionSpec = unit.body
    open_: list[Call] = []
    for call in calls:
        if call.label is None:
            open_.append(call)
        elif not _is_bad(spec, call.label) and not is_redacted(call.label):
            yield call, Right(call.label, "label")
    asked = [c for c in open_ if not is_redacted(c.input) and not spec.input.problems(c.input)]
    answers, basis = _reference(unit, asked, bench)
    sound = {call.row for call in asked}
    for call in open_:
        output = answers.get(canonical_json(call.input)) if call.row in sound else None
        if basis == "function" and output is not None and not spec.output.problems(output):
            yield call, Right(output, basis)
        elif _said(spec, call):
            yield call, Right(call.reference, "reference")
        elif output is not None and not spec.output.problems(output):
            yield call, Right(output, basis)


def _said(spec: FunctionSpec, call: Call) -> bool:
    """Return whether the file holds an answer of the reference that can be compared."""
    given = call.reference
    return given is not None and not is_redacted(given) and not spec.output.problems(given)


def _reference_right(
    spec: FunctionSpec, calls: Sequence[Call], comparing: Mapping[str, Comparator]
) -> tuple[int, int]:
    """Return how many answers of the reference a label calls right, and of how many."""
    both = [
        call
        for call in calls
        if _said(spec, call)
        and call.label is not None
        and not is_redacted(call.label)
        and not _is_bad(spec, call.label)
    ]
    wrong = sum(any(differences(call.label, call.reference, comparing)) for call in both)
    return len(both) - wrong, len(both)


def _reference(unit: Unit, calls: Sequence[Call], bench: Bench) -> tuple[Mapping[bytes, Any], str]:
    """Return the reference's answers by canonical input; a model's only as they are recorded."""
    spec: FunctionSpec = unit.body
    if spec.fuzz.user_reference is not None:
        return _of_function(spec, calls, bench), "function"
    if not reference.is_model(unit) or not calls:
        return {}, "recording"
    try:
        found = reference.references(unit, bench)
    except ModelError:
        return {}, "recording"  # then labels alone have to be enough
    return {canonical_json(item.input): item.output for item in found}, "recording"


def _of_function(spec: FunctionSpec, calls: Sequence[Call], bench: Bench) -> dict[bytes, Any]:
    assert spec.fuzz.user_reference is not None
    path, function = spec.fuzz.user_reference
    program = Program(source=spec.user_files[path].encode("utf-8"), function=function)
    # By digest, so that the choice among very many depends on no order.
    keys = sorted({canonical_json(call.input) for call in calls}, key=digest)
    keys = keys[: gate.policy().compared]
    with bench.sandbox().open(program) as session:
        answers = session.call(keys)
    return {
        key: json.loads(answer.value)
        for key, answer in zip(keys, answers, strict=True)
        if answer.status is Status.VALUE
    }


def _pairs(
    calls: Sequence[Call], known: Mapping[int, Right], comparing: Mapping[str, Comparator]
) -> Iterator[Compared]:
    """Yield the artifact's answers beside the right ones; an exception is a wrong answer."""
    for call in calls:
        right = known.get(call.row)
        if right is None or call.outcome == "abstain" or is_redacted(call.output):
            continue
        differs: tuple[str, ...] = ("the answer",)
        if call.is_answered:
            found = {item.path for item in differences(right.output, call.output, comparing)}
            differs = tuple(sorted(_shown(path) for path in found))
        yield Compared(call=call, basis=right.basis, differs=differs)


def _shown(path: str) -> str:
    # A key of production's data may hold anything.
    if not path:
        return "the answer"
    return path if _PLAIN.fullmatch(path) else "a field"


def _decisive(
    pairs: Sequence[Compared], calls: Sequence[Call]
) -> tuple[list[Compared], list[Compared], list[Compared]]:
    """Return the pairs that decide, those with a reference's word alone, and those kept apart.

    Recorded answers exist for inputs that gates have judged already, so among calls they are a
    chosen few that are easy; they decide only where no answered call is without a right answer.
    """
    answered = {call.row for call in calls if call.is_answered}
    agreed = [pair for pair in pairs if pair.basis == "reference"]
    if not agreed and answered <= {pair.call.row for pair in pairs}:
        return list(pairs), [], []
    sure = [pair for pair in pairs if pair.basis in ("label", "function")]
    return sure, agreed, [pair for pair in pairs if pair.basis == "recording"]


def _proposed(spec: FunctionSpec, look: Look, known: Mapping[int, Right]) -> list[dict[str, Any]]:
    """Return golden rows from what was wrong, refused or new, the same ones in every order."""
    taken = {row.key for row in spec.rows}
    wrong = {pair.call.row for pair in look.production.compared if pair.differs}
    moved = [shift for shift in look.shifts if any(look.against(shift))]
    found: dict[bytes, tuple[int, list[Right]]] = {}
    for call in look.sound:
        key = canonical_json(call.input)
        if key in taken or is_redacted(call.input) or len(key) > _LONGEST_ROW:
            continue
        right = known.get(call.row)
        rank = _rank(call, right, call.row in wrong)
        if rank is None and any(shifts.stands_out(s, look.observed[call.row]) for s in moved):
            rank = 3
        if rank is not None:
            best, rights = found.setdefault(key, (rank, []))
            found[key] = (min(best, rank), [*rights, *([right] if right else [])])
    few = sorted(found.items(), key=lambda pair: (pair[1][0], digest(pair[0])))
    return [_row(key, _agreed(rights)) for key, (_, rights) in few[: look.rules.proposed]]


def _agreed(rights: Sequence[Right]) -> Right | None:
    """Return the one right answer to an input; None where there is none, or labels differ."""
    outputs = {canonical_json(right.output) for right in rights}
    return rights[0] if len(outputs) == 1 else None


def _rank(call: Call, right: Right | None, is_wrong: bool) -> int | None:  # noqa: FBT001 - a fact
    """Return how much a call teaches, less is more; None for nothing by itself."""
    if is_wrong:
        return 0
    if call.is_answered:
        return None
    return 1 if right is not None else 2


def _row(key: bytes, right: Right | None) -> dict[str, Any]:
    """Return a golden row, or what a golden file refuses until somebody has labelled it."""
    row = {"id": f"drift-{digest(key)[:16]}", "input": json.loads(key)}
    if right is None:
        return {**row, "output": None, "todo": "label"}
    row["output"] = right.output
    if any(suspicious([(Place(path=""), row)])):
        row["split"] = "test"  # a text that gives orders is shown to no model
    return row
