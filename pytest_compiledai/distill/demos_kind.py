"""The kind `demos`: what it says to the pipeline, in one place."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

from pytest_compiledai.core.candidate import Candidate
from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.core.canonical import digest_of
from pytest_compiledai.core.errors import RecordingMissing
from pytest_compiledai.core.modelfree import ModelFree
from pytest_compiledai.core.modelfree import only_one
from pytest_compiledai.core.place import Place
from pytest_compiledai.core.split import Split
from pytest_compiledai.core.suspicion import remarks_of
from pytest_compiledai.core.unit import Unit
from pytest_compiledai.core.unit import single_unit
from pytest_compiledai.distill import demos_judging
from pytest_compiledai.distill.demos import made
from pytest_compiledai.distill.demospec import GATES
from pytest_compiledai.distill.demospec import DemosSpec
from pytest_compiledai.distill.demospec import read_demos_spec
from pytest_compiledai.distill.recorded import answers_digest

if TYPE_CHECKING:
    from pytest_compiledai.core.document import Document
    from pytest_compiledai.core.gate import Phase
    from pytest_compiledai.core.kind import Asking
    from pytest_compiledai.core.kind import Bench
    from pytest_compiledai.core.kind import Judged
    from pytest_compiledai.core.kind import Project
    from pytest_compiledai.core.verdict import Verdict

#: How demonstrations are indexed and prompts are made; another one makes entries stale.
METHOD = 1


class DemosKind(ModelFree):
    """One cascade a spec, made of its trajectories; recorded answers judge it."""

    name = "demos"
    gates: tuple[str, ...] = GATES
    reopened: tuple[str, ...] = ("execution", "accuracy", "latency", "cost")

    def read(self, document: Document, project: Project) -> tuple[Unit, ...]:
        """Return the one unit of a spec. Raises ``SpecError``."""
        spec = read_demos_spec(document, project)
        return (
            single_unit(
                spec,
                kind=self.name,
                place=document.place(),
                versions=demos_judging.VERSIONS,
                source=_source(spec),
                evidence=_evidence(spec),
                remarks=_remarks(spec, document),
            ),
        )

    def propose(
        self, unit: Unit, history: Sequence[Judged], *, sample: int, asking: Asking
    ) -> Candidate:
        """Return the demonstrations of the spec's trajectories, of which there is one choice."""
        del asking  # answers are recorded before: by two models, and only where they are needed
        if history or sample:
            raise only_one(
                unit,
                "demonstrations that were judged",
                "other trajectories or another spec: equal ones give equal files",
            )
        try:
            files = made(unit.body)
        except ValueError as error:
            raise RecordingMissing(
                where=unit.body.traces_path,
                found=str(error),
                expected="trajectories that succeeded",
                next=f"python -m pytest_compiledai.distill.recording {unit.place.path}",
            ) from None
        return Candidate(files=files, proposer=f"file:{unit.body.traces_path}", attempt=1)

    def recorded(self, unit: Unit, asking: Asking) -> str:
        """Return the digest of the recorded answers; "" for none."""
        del asking
        return answers_digest(unit.body.folder)

    def sources(self, unit: Unit, candidate: Candidate) -> Sequence[Any]:
        """Return nothing: demonstrations have no code to scan."""
        del unit, candidate
        return ()

    def judge(
        self, gate: str, unit: Unit, candidate: Candidate, *, phase: Phase, bench: Bench
    ) -> Verdict:
        """Return the verdict of one gate; nothing is executed, recorded answers are replayed."""
        del bench
        return demos_judging.judge(gate, unit.body, candidate, phase)


def _remarks(spec: DemosSpec, document: Document) -> Iterator[str]:
    told: list[tuple[Place, Any]] = [(document.place("description"), spec.cascade.description)]
    told += [(row.place, [row.input, row.output]) for row in spec.rows]
    return remarks_of(told)


def _source(spec: DemosSpec) -> str:
    """Return the digest of all that the files are made from."""
    made_from = {"method": METHOD, "name": spec.name, "cascade": spec.cascade.as_json()}
    made_from |= {"traces": spec.traces_digest, "keep": spec.keep, "most": spec.most}
    return digest_of(made_from)


def _evidence(spec: DemosSpec) -> str:
    """Return the digest of all that the files are judged by, recordings apart."""
    rows = [
        [row.id, row.split, row.input, row.output]
        for row in spec.rows_in(Split.VALIDATION, Split.TEST)
    ]
    return digest_of(
        {
            "rows": sorted(rows, key=canonical_json),
            "settings": spec.settings,
            "prices": {role: list(usd) for role, usd in spec.prices.items()},
            "schemas": [spec.input.data, spec.output.data],
        }
    )
