"""The kind `workflow`: what it says to the pipeline, in one place."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

from pytest_compiledai.core.candidate import Candidate
from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.core.canonical import digest_of
from pytest_compiledai.core.modelfree import ModelFree
from pytest_compiledai.core.modelfree import only_one
from pytest_compiledai.core.place import Place
from pytest_compiledai.core.split import Split
from pytest_compiledai.core.suspicion import remarks_of
from pytest_compiledai.core.unit import Unit
from pytest_compiledai.core.unit import single_unit
from pytest_compiledai.workflows import artifact
from pytest_compiledai.workflows import judging
from pytest_compiledai.workflows import recorded
from pytest_compiledai.workflows.spec import GATES
from pytest_compiledai.workflows.spec import WorkflowSpec
from pytest_compiledai.workflows.spec import read_workflow_spec
from pytest_compiledai.workflows.tradeoffs import FILE

if TYPE_CHECKING:
    from pytest_compiledai.core.document import Document
    from pytest_compiledai.core.gate import Phase
    from pytest_compiledai.core.kind import Asking
    from pytest_compiledai.core.kind import Bench
    from pytest_compiledai.core.kind import Judged
    from pytest_compiledai.core.kind import Project
    from pytest_compiledai.core.verdict import Verdict

#: How a trade-off set is made; another one makes entries stale.
METHOD = 2


class WorkflowKind(ModelFree):
    """One trade-off set a spec, composed from a stored profile; no model is asked for it."""

    name = "workflow"
    gates: tuple[str, ...] = GATES
    reopened: tuple[str, ...] = ("accuracy", "latency", "fuzz", "cost")

    def read(self, document: Document, project: Project) -> tuple[Unit, ...]:
        """Return the one unit of a spec. Raises ``SpecError``."""
        spec = read_workflow_spec(document, project)
        return (
            single_unit(
                spec,
                kind=self.name,
                place=document.place(),
                versions=judging.VERSIONS,
                source=_source(spec),
                evidence=_evidence(spec),
                remarks=_remarks(spec, document),
            ),
        )

    def propose(
        self, unit: Unit, history: Sequence[Judged], *, sample: int, asking: Asking
    ) -> Candidate:
        """Return the trade-off set of the spec and its profile, of which there is one."""
        del asking  # a profile is a recording; nobody is asked
        if history or sample:
            raise only_one(
                unit,
                "a trade-off set that was judged",
                "another profile or another spec: equal ones give the same set",
            )
        return Candidate(
            files={f"{unit.name}/{FILE}": artifact.made(unit.body)},
            proposer=f"file:{unit.body.profile}",
            attempt=1,
        )

    def recorded(self, unit: Unit, asking: Asking) -> str:
        """Return the digest of the profile, and of end-to-end runs where there are some."""
        del asking
        return recorded.recorded_digest(unit.body)

    def sources(self, unit: Unit, candidate: Candidate) -> Sequence[Any]:
        """Return nothing: a trade-off set has no code to scan."""
        del unit, candidate
        return ()

    def judge(
        self, gate: str, unit: Unit, candidate: Candidate, *, phase: Phase, bench: Bench
    ) -> Verdict:
        """Return the verdict of one gate; nothing is executed, stored answers are replayed."""
        del bench
        return judging.judge(gate, unit.body, candidate, phase)


def _remarks(spec: WorkflowSpec, document: Document) -> Iterator[str]:
    told: list[tuple[Place, Any]] = [(document.place("description"), spec.description)]
    told += [(row.place, [row.input, row.output]) for row in spec.rows]
    return remarks_of(told)


def _source(spec: WorkflowSpec) -> str:
    """Return the digest of all that a set is made from, its profile apart."""
    return digest_of(
        {
            "method": METHOD,
            "name": spec.name,
            "description": spec.description,
            "agents": {name: agent.as_json() for name, agent in spec.agents.items()},
            "flow": spec.flow,
            "passes": spec.plan.passes,
            "latency": spec.plan.latency,
            "width": spec.plan.width,
            "confidence": spec.plan.confidence,
            "wishes": {name: repr(wish) for name, wish in spec.plan.wishes.items()},
            "problems": _rows(spec, Split.TRAIN, Split.VALIDATION),
        }
    )


def _evidence(spec: WorkflowSpec) -> str:
    """Return the digest of all that a set is judged by, its profile apart."""
    return digest_of(
        {
            "problems": _rows(spec, Split.TEST),
            "settings": spec.settings,
            "hosts": list(spec.hosts),
            "schemas": [spec.input.data, spec.output.data],
        }
    )


def _rows(spec: WorkflowSpec, *splits: Split) -> list[Any]:
    rows = [[row.id, row.input, row.output, row.group] for row in spec.rows if row.split in splits]
    return sorted(rows, key=canonical_json)
