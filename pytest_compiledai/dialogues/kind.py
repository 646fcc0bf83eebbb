"""The kind `dialogue`: what it says to the pipeline; each target builds and judges its own way."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING
from typing import Any
from typing import Final
from typing import Protocol

from pytest_compiledai.core.candidate import Candidate
from pytest_compiledai.core.canonical import digest_of
from pytest_compiledai.core.modelfree import ModelFree
from pytest_compiledai.core.modelfree import only_one
from pytest_compiledai.core.place import Place
from pytest_compiledai.core.suspicion import remarks_of
from pytest_compiledai.core.unit import Unit
from pytest_compiledai.core.unit import single_unit
from pytest_compiledai.dialogues.spec import GATES
from pytest_compiledai.dialogues.spec import DialogueSpec
from pytest_compiledai.dialogues.spec import read_dialogue_spec

if TYPE_CHECKING:
    from pytest_compiledai.core.document import Document
    from pytest_compiledai.core.gate import Phase
    from pytest_compiledai.core.kind import Asking
    from pytest_compiledai.core.kind import Bench
    from pytest_compiledai.core.kind import Judged
    from pytest_compiledai.core.kind import Project
    from pytest_compiledai.core.verdict import Verdict


class Target(Protocol):
    """One way to freeze a flow."""

    #: How an artifact is made; another method makes entries stale.
    method: int
    versions: Mapping[str, int]  # gate -> version of what it asks

    def proposer(self, spec: DialogueSpec) -> str:
        """Return who makes the artifact, as the lock names it."""

    def source(self, spec: DialogueSpec) -> Any:
        """Return what the artifact is made from beside the graph, as JSON values."""

    def build(self, spec: DialogueSpec) -> Mapping[str, bytes]:
        """Return the artifact's files by path below the out folder."""

    def sources(self, spec: DialogueSpec, candidate: Candidate) -> Sequence[Any]:
        """Return what the analysers have to scan."""

    def judge(
        self, gate: str, spec: DialogueSpec, candidate: Candidate, phase: Phase, bench: Bench
    ) -> Verdict:
        """Return the verdict of one gate."""


#: Where each target is; only the one that is asked for is imported.
_TARGETS: Final = {
    "machine": "pytest_compiledai.dialogues.frozen.target",
    "encoded": "pytest_compiledai.dialogues.encoded.target",
    "weights": "pytest_compiledai.dialogues.weights.target",
}


def target_of(spec: DialogueSpec) -> Target:
    """Return the spec's target; a machine with an encoder is one of its own."""
    name = "encoded" if spec.encoder else spec.target
    found: Target = import_module(_TARGETS[name]).TARGET
    return found


class DialogueKind(ModelFree):
    """One artifact a flow; the flow's own state machine judges it, no model is asked."""

    name = "dialogue"
    gates: tuple[str, ...] = GATES
    reopened: tuple[str, ...] = ("accuracy",)

    def read(self, document: Document, project: Project) -> tuple[Unit, ...]:
        """Return the one unit of a spec. Raises ``SpecError``."""
        spec = read_dialogue_spec(document, project)
        target = target_of(spec)
        return (
            single_unit(
                spec,
                kind=self.name,
                place=document.place(),
                versions=target.versions,
                source=_source(spec, target),
                evidence=_evidence(spec, project),
                remarks=_remarks(spec, document),
            ),
        )

    def propose(
        self, unit: Unit, history: Sequence[Judged], *, sample: int, asking: Asking
    ) -> Candidate:
        """Return the artifact that the target builds from the spec, of which there is one."""
        del asking  # nobody is asked
        if history or sample:
            raise only_one(
                unit,
                "an artifact that was judged",
                "another spec: an equal one gives the same artifact",
            )
        spec: DialogueSpec = unit.body
        target = target_of(spec)
        return Candidate(files=target.build(spec), proposer=target.proposer(spec), attempt=1)

    def recorded(self, unit: Unit, asking: Asking) -> str:
        """Return "": no verdict rests on a recording."""
        del unit, asking
        return ""

    def sources(self, unit: Unit, candidate: Candidate) -> Sequence[Any]:
        """Return the frozen code for the analysers."""
        spec: DialogueSpec = unit.body
        return target_of(spec).sources(spec, candidate)

    def judge(
        self, gate: str, unit: Unit, candidate: Candidate, *, phase: Phase, bench: Bench
    ) -> Verdict:
        """Return the verdict of one gate."""
        spec: DialogueSpec = unit.body
        return target_of(spec).judge(gate, spec, candidate, phase, bench)


def _remarks(spec: DialogueSpec, document: Document) -> Iterator[str]:
    told: list[tuple[Place, Any]] = [(document.place("description"), spec.description)]
    told += [(document.place("nodes", n.name), list(n.say)) for n in spec.flow.nodes.values()]
    told += [
        (document.place("intents", intent.name), list(intent.texts))
        for intent in spec.flow.intents.values()
    ]
    return remarks_of(told)


def _source(spec: DialogueSpec, target: Target) -> str:
    """Return the digest of all that an artifact is made from; held-out wording is not."""
    return digest_of(
        {
            "method": target.method,
            "name": spec.name,
            "description": spec.description,
            "target": spec.target,
            "graph": _without_holdout(spec),
            "own": target.source(spec),
        }
    )


def _evidence(spec: DialogueSpec, project: Project) -> str:
    """Return the digest of all that an artifact is judged by."""
    return digest_of(
        {
            "settings": spec.settings,
            "holdout": {i.name: i.holdout for i in spec.flow.intents.values()},
            "slots": {s.name: s.holdout for s in spec.flow.slots.values()},
            "tools": dict(project.versions),
        }
    )


def _without_holdout(spec: DialogueSpec) -> Any:
    graph = dict(spec.graph)
    for key in ("intents", "slots"):
        graph[key] = {
            name: {k: v for k, v in block.items() if k != "holdout"}
            for name, block in (graph[key] or {}).items()
        }
    return graph
