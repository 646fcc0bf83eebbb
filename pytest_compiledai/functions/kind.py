"""The kind `function`: what it says to the pipeline, in one place."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

from pytest_compiledai.core.candidate import Candidate
from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.core.canonical import digest_of
from pytest_compiledai.core.canonical import text_digest
from pytest_compiledai.core.gate import GATES
from pytest_compiledai.core.gate import Phase
from pytest_compiledai.core.split import Split
from pytest_compiledai.core.suspicion import remarks_of
from pytest_compiledai.core.unit import Unit
from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.functions import composing
from pytest_compiledai.functions import drifting
from pytest_compiledai.functions import judging
from pytest_compiledai.functions import prompt
from pytest_compiledai.functions import proposing
from pytest_compiledai.functions import reference
from pytest_compiledai.functions.assembly import assembly_digest
from pytest_compiledai.functions.linear.model import VERSION as LINEAR_VERSION
from pytest_compiledai.functions.spec import FunctionSpec
from pytest_compiledai.functions.spec import read_function_spec

if TYPE_CHECKING:
    from pytest_compiledai.core.document import Document
    from pytest_compiledai.core.kind import Asking
    from pytest_compiledai.core.kind import Bench
    from pytest_compiledai.core.kind import Composed
    from pytest_compiledai.core.kind import Drifted
    from pytest_compiledai.core.kind import Judged
    from pytest_compiledai.core.kind import Project
    from pytest_compiledai.core.sampled import Call
    from pytest_compiledai.gates.tools import ScanRequest


class FunctionKind:
    """One pure function a spec; the first candidate that validates, of a pool the best."""

    name = "function"
    gates: tuple[str, ...] = GATES
    reopened: tuple[str, ...] = ("execution", "accuracy")

    def read(self, document: Document, project: Project) -> tuple[Unit, ...]:
        """Return the one unit of a spec. Raises ``SpecError``."""
        spec = read_function_spec(document, project)
        asked = tuple(gate for gate in GATES if gate not in spec.off)
        versions = tuple(f"{gate}@{judging.version(gate)}" for gate in asked)
        return (
            Unit(
                name=spec.name,
                kind=self.name,
                place=document.place(),
                gates=asked,
                off=spec.off,
                versions=versions,
                capabilities=spec.capabilities,
                source=_source(spec),
                evidence=_evidence(spec, project),
                asks_model=spec.candidate is None,
                attempts=spec.attempts,
                candidates=spec.candidates,
                composes=bool(spec.proposing.compose),
                timeout_s=spec.timeout_s,
                body=spec,
                remarks=tuple(_remarks(spec, document)),
            ),
        )

    def propose(
        self, unit: Unit, history: Sequence[Judged], *, sample: int, asking: Asking
    ) -> Candidate:
        """Return the user's own file, or what the model answers to the findings so far."""
        return proposing.propose(unit, history, sample=sample, asking=asking)

    def compose(self, unit: Unit, pool: Sequence[Judged]) -> Iterable[Composed]:
        """Return what the spec has a pool put together to."""
        return composing.compose(unit, pool)

    def opening(self, unit: Unit) -> Sequence[tuple[str, str]] | None:
        """Return the first request's messages; None for a user's own file or a linear model."""
        spec: FunctionSpec = unit.body
        return None if spec.candidate or spec.linear else proposing.opening(spec)

    def bill(self, unit: Unit, attempts: int) -> tuple[int, int, int]:
        """Return the most that compiling can cost: calls, tokens in, tokens out."""
        return proposing.bill(unit, attempts)

    def direct_tokens(self, unit: Unit) -> float | None:
        """Return the tokens of answering one input with the model itself, estimated."""
        return proposing.direct_tokens(unit.body)

    def thaw(
        self, unit: Unit, files: Mapping[str, bytes], *, proposer: str, attempt: int
    ) -> Candidate:
        """Return the frozen artifact as a candidate."""
        del unit  # the bytes say it all
        return Candidate(files=files, proposer=proposer, attempt=attempt)

    def sources(self, unit: Unit, candidate: Candidate) -> Sequence[ScanRequest]:
        """Return what the analysers have to scan."""
        return judging.sources(unit, candidate)

    def recorded(self, unit: Unit, asking: Asking) -> str:
        """Return the digest of the reference's recorded answers that the fuzz gate rests on."""
        return reference.recorded(unit, asking)

    def judge(
        self, gate: str, unit: Unit, candidate: Candidate, *, phase: Phase, bench: Bench
    ) -> Verdict:
        """Return the verdict of one gate."""
        return judging.judge(gate, unit, candidate, phase=phase, bench=bench)

    def drift(
        self, unit: Unit, files: Mapping[str, str], calls: Sequence[Call], where: str, bench: Bench
    ) -> Drifted:
        """Return what the calls of production say of the artifact."""
        return drifting.drift(unit, files, calls, where, bench)

    def rank(self, verdicts: Sequence[Verdict]) -> float:
        """Return the accuracy on validation rows, answered rows over all rows breaking ties."""
        return judging.rank(verdicts)


def _remarks(spec: FunctionSpec, document: Document) -> Iterator[str]:
    told = [(document.place(key), document.data[key]) for key in ("description", "input", "output")]
    told += [(row.place, [row.input, row.output]) for row in spec.rows]
    return remarks_of(told)


def _source(spec: FunctionSpec) -> str:
    """Return the digest of all that a proposal is made from."""
    return digest_of(
        {
            "name": spec.name,
            "description": spec.description,
            "input": spec.input.data,
            "output": spec.output.data,
            "capabilities": list(spec.capabilities),
            "candidate": spec.candidate_text,
            "train": _rows(spec, Split.TRAIN),
            "shown": spec.accuracy.shown,
            "prompts": prompt.prompts_digest(),
            "assembly": assembly_digest(),
            "budgets": [spec.syntax.complexity, spec.latency.p50_ms, spec.latency.p99_ms],
            **_linear(spec),
            **_proposing(spec),
        }
    )


def _proposing(spec: FunctionSpec) -> dict[str, Any]:
    """Return what the spec says of proposing, and the texts that it asks for; else nothing."""
    if not spec.proposing.stated:
        return {}
    return {"proposing": [spec.proposing.stated, prompt.versions_digest(spec)]}


def _linear(spec: FunctionSpec) -> dict[str, Any]:
    """Return what a linear model is made from; nothing where the spec declares none."""
    if spec.linear is None:
        return {}
    asked = [list(spec.linear.text), spec.linear.label, spec.accuracy.coverage]
    rows = _rows(spec, Split.VALIDATION)  # they say how sure an answer has to be
    return {"linear": [*asked, LINEAR_VERSION, rows]}


def _evidence(spec: FunctionSpec, project: Project) -> str:
    """Return the digest of all that a candidate is judged by."""
    return digest_of(
        {
            "rows": _rows(spec, Split.VALIDATION, Split.TEST),
            "settings": spec.settings,
            "policies": {gate: judging.policy_digest(gate) for gate in GATES},
            "files": {path: text_digest(text) for path, text in spec.user_files.items()},
            "calls": {name: dict(table) for name, table in spec.call_tables.items()},
            "fuzz": spec.fuzz.reference,
            "tools": dict(project.versions),
        }
    )


def _rows(spec: FunctionSpec, *splits: Split) -> list[Any]:
    rows = [[row.id, row.input, row.output, row.group] for row in spec.rows_in(*splits)]
    return sorted(rows, key=canonical_json)
