"""The kind `skill`: what it says to the pipeline, in one place."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

from pytest_compiledai.core.candidate import Candidate
from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.core.canonical import digest_of
from pytest_compiledai.core.canonical import text_digest
from pytest_compiledai.core.errors import RecordingMissing
from pytest_compiledai.core.place import Place
from pytest_compiledai.core.split import Split
from pytest_compiledai.core.suspicion import remarks_of
from pytest_compiledai.core.unit import Unit
from pytest_compiledai.core.unit import single_unit
from pytest_compiledai.distill import skill
from pytest_compiledai.distill import skill_judging
from pytest_compiledai.distill.skillspec import GATES
from pytest_compiledai.distill.skillspec import SkillSpec
from pytest_compiledai.distill.skillspec import read_skill_spec
from pytest_compiledai.gates.tools import policy_digest
from pytest_compiledai.llm.request import LEAST_BYTES_A_TOKEN
from pytest_compiledai.llm.request import MOST_ANSWER_TOKENS

if TYPE_CHECKING:
    from pytest_compiledai.core.document import Document
    from pytest_compiledai.core.gate import Phase
    from pytest_compiledai.core.kind import Asking
    from pytest_compiledai.core.kind import Bench
    from pytest_compiledai.core.kind import Judged
    from pytest_compiledai.core.kind import Project
    from pytest_compiledai.core.verdict import Verdict

#: How skills are extracted and refined; another one makes entries stale.
METHOD = 1


class SkillKind:
    """One skill a spec: extracted, refined by both policies, and chosen on validation rows."""

    name = "skill"
    gates: tuple[str, ...] = GATES
    reopened: tuple[str, ...] = ("accuracy", "latency", "cost")

    def read(self, document: Document, project: Project) -> tuple[Unit, ...]:
        """Return the one unit of a spec. Raises ``SpecError``."""
        spec = read_skill_spec(document, project)
        return (
            single_unit(
                spec,
                kind=self.name,
                place=document.place(),
                versions=skill_judging.VERSIONS,
                source=_source(spec),
                evidence=_evidence(spec, project),
                remarks=_remarks(spec, document),
                asks_model=True,
                candidates=len(_policies(spec)),
            ),
        )

    def propose(
        self, unit: Unit, history: Sequence[Judged], *, sample: int, asking: Asking
    ) -> Candidate:
        """Return the skill of a policy, one policy a chain. Raises ``ModelError``."""
        del history  # chains do not repair: a policy gives one skill
        policies = _policies(unit.body)
        if sample >= len(policies):
            raise RecordingMissing(
                where=unit.place,
                found="no other way to refine",
                expected="a skill that passes",
                next="mend what the gates found: more train rows, other prompts or metrics",
            )
        files, proposer = skill.made(unit.body, policies[sample], asking)
        return Candidate(files=files, proposer=proposer, attempt=1)

    def opening(self, unit: Unit) -> Sequence[tuple[str, str]] | None:
        """Return None: the first chain extracts, and asks nobody to propose."""
        del unit
        return None

    def bill(self, unit: Unit, attempts: int) -> tuple[int, int, int]:
        """Return the most that compiling can cost: calls, tokens in, tokens out."""
        del attempts  # a policy gives one skill
        spec: SkillSpec = unit.body
        policies = _policies(spec)
        train = len(spec.rows_in(Split.TRAIN)[: skill.SHOWN])
        rows = len(policies) * len(spec.rows_in(Split.VALIDATION)) + len(spec.rows_in(Split.TEST))
        calls = train + len(policies) - 1 + rows
        # A refined skill is as long as an answer may be; tools and rows come on top.
        longest = max((len(row.key) for row in spec.rows), default=0)
        longest += sum(len(tool.source) for tool in spec.tools)
        told = MOST_ANSWER_TOKENS + longest // LEAST_BYTES_A_TOKEN
        extracted = len(skill.extracted(spec, {"any": "rigid"}).encode()) // LEAST_BYTES_A_TOKEN
        refining = extracted + (1 + skill.SHOWN) * told
        tokens_in = (train + rows) * (told + extracted) + (len(policies) - 1) * refining
        return (calls, tokens_in, calls * MOST_ANSWER_TOKENS)

    def direct_tokens(self, unit: Unit) -> float | None:
        """Return None: the gate `cost` measures what the agents take."""
        del unit
        return None

    def recorded(self, unit: Unit, asking: Asking) -> str:
        """Return the digest of the answers that a replay gives to the extracted skill."""
        spec: SkillSpec = unit.body
        text = skill.extracted(spec, skill.metric_classes(spec))
        tools = {tool.name: tool.source for tool in spec.tools}
        plain = skill.Skill(text=text, tools=tools, settings={})
        answers = [asking.peek(plain.asked(row.input), sample=0) for row in spec.rows]
        known = [[a.model, a.text] if a else None for a in answers]
        return digest_of(known) if any(known) else ""

    def thaw(
        self, unit: Unit, files: Mapping[str, bytes], *, proposer: str, attempt: int
    ) -> Candidate:
        """Return the frozen artifact as a candidate."""
        del unit  # the bytes say it all
        return Candidate(files=files, proposer=proposer, attempt=attempt)

    def sources(self, unit: Unit, candidate: Candidate) -> Sequence[Any]:
        """Return the tools, which the analysers scan."""
        return skill_judging.sources(unit.body, candidate)

    def judge(
        self, gate: str, unit: Unit, candidate: Candidate, *, phase: Phase, bench: Bench
    ) -> Verdict:
        """Return the verdict of one gate."""
        return skill_judging.judge(gate, unit.body, candidate, phase=phase, bench=bench)

    def rank(self, verdicts: Sequence[Verdict]) -> float:
        """Return the mean of the metrics on validation rows: it chooses the policy."""
        return skill_judging.rank(verdicts)


def _policies(spec: SkillSpec) -> tuple[str, ...]:
    return skill.POLICIES if spec.refine == "auto" else skill.POLICIES[:1]


def _remarks(spec: SkillSpec, document: Document) -> Iterator[str]:
    told: list[tuple[Place, Any]] = [(document.place("description"), spec.description)]
    told += [(document.place("graph"), agent.prompt) for agent in spec.graph.agents]
    told += [(row.place, [row.input, row.output]) for row in spec.rows]
    return remarks_of(told)


def _source(spec: SkillSpec) -> str:
    """Return the digest of all that a skill is made from, recordings apart."""
    shown = {row.id for row in spec.rows_in(Split.TRAIN, Split.VALIDATION)}
    return digest_of(
        {
            "method": METHOD,
            "name": spec.name,
            "description": spec.description,
            "graph": [repr(spec.graph.agents), repr(spec.graph.edges)],
            "tools": _tools(spec),
            "metrics": list(spec.metrics),
            "refine": spec.refine,
            "runs": [[run.item, run.output] for run in spec.runs if run.item in shown],
            "rows": _rows(spec, Split.TRAIN, Split.VALIDATION),
        }
    )


def _evidence(spec: SkillSpec, project: Project) -> str:
    """Return the digest of all that a skill is judged by, recordings apart."""
    return digest_of(
        {
            "rows": _rows(spec, Split.VALIDATION, Split.TEST),
            "runs": [repr(run) for run in spec.runs],
            "settings": spec.settings,
            "prices": spec.prices,
            "schemas": [spec.input.data, spec.output.data],
            "policies": {gate: policy_digest(gate) for gate in ("security", "syntax")},
            "tools": dict(project.versions),
        }
    )


def _tools(spec: SkillSpec) -> list[Any]:
    return [
        [tool.name, text_digest(tool.source.decode("utf-8", "replace")), list(tool.examples)]
        for tool in spec.tools
    ]


def _rows(spec: SkillSpec, *splits: Split) -> list[Any]:
    rows = [[row.id, row.input, row.output] for row in spec.rows_in(*splits)]
    return sorted(rows, key=canonical_json)
