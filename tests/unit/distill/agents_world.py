"""A small spec of kind `skill`, with planted runs and answers: no model gave them."""

from __future__ import annotations

import json
import random

from pytest_compiledai.core.document import read_documents
from pytest_compiledai.core.errors import RecordingMissing
from pytest_compiledai.core.gate import Phase
from pytest_compiledai.core.kind import Answered
from pytest_compiledai.core.kind import Project
from pytest_compiledai.distill.skill_kind import SkillKind

SPEC = """\
compiledai: 1
kind: skill
name: triage
description: Name team and urgency of a ticket.
input: {type: object, properties: {ticket: {type: string}}, required: [ticket]}
output:
  type: object
  properties:
    answer: {type: object, properties: {team: {type: string}, urgent: {type: boolean}}}
  required: [answer]
golden: triage.jsonl
graph: graph.json
runs: runs.jsonl
metrics: [fields, form]
prices: {in: 1, out: 5}
"""
GRAPH = {
    "nodes": [
        {"id": "__start__", "type": "schema", "data": "__start__"},
        {"id": "router", "type": "runnable", "metadata": {"prompt": "Money goes to billing."}},
        {"id": "judge", "type": "runnable", "metadata": {"prompt": "A deadline makes it urgent."}},
        {"id": "__end__", "type": "schema", "data": "__end__"},
    ],
    "edges": [
        {"source": "__start__", "target": "router"},
        {"source": "router", "target": "judge", "data": "a team was found", "conditional": True},
        {"source": "judge", "target": "__end__"},
    ],
}


class Planted:
    """Asks nobody: answers by the rules a test plants, and keeps what it was asked."""

    model = "planted/one"
    live = False

    def __init__(self, right: dict, errs: float, refined: str | None) -> None:
        self.right = right
        self.errs = errs
        self.refined = refined
        self.asked: list = []

    def ask(self, messages, *, sample: int) -> Answered:
        self.asked.append(messages)
        system, user = messages[0][1], messages[-1][1]
        if system.startswith("You improve"):
            if self.refined is None:
                raise RecordingMissing(where="here", found="none", expected="one")
            text = user.partition("The file:\n\n")[2].replace("## Answer", self.refined)
            return _answered(text)
        right = self.right[json.loads(user)["ticket"]]
        wrong = random.Random(user).random() < self.errs and "RULE" not in system
        return _answered(json.dumps(right | ({"team": "other"} if wrong else {})))

    def peek(self, messages, *, sample: int) -> Answered | None:
        return None if self.refined is None else self.ask(messages, sample=sample)


def _answered(text: str) -> Answered:
    return Answered(text=text, model="planted/one", tokens_in=300, tokens_out=20, seconds=0.5)


class Bench:
    """Judges without a sandbox: the planted skill has no tools unless a test goes through pytest."""

    def __init__(self, asking) -> None:
        self._asking = asking

    def asking(self):
        return self._asking


class Triage:
    """A project on disk; what a test changes is written when it is judged."""

    def __init__(self, root) -> None:
        self.root = root
        self.spec = SPEC
        self.graph = GRAPH
        self.errs = 0.0
        self.refined: str | None = "RULE: look twice.\n\n## Answer"
        teams = ("billing", "parcels", "access")
        self.rows = [
            {
                "id": f"r{n}",
                "input": {"ticket": f"ticket {n}, {teams[n % 3]}" + ("!" if n % 2 else "")},
                "output": {"answer": {"team": teams[n % 3], "urgent": bool(n % 2)}},
                "split": ("train", "validation", "test", "test")[n % 4],
            }
            for n in range(32)
        ]
        rng = random.Random(7)
        self.runs = [
            {
                "item": row["id"],
                "output": self.ran(row, rng),
                "tokens_in": 4000,
                "tokens_out": 400,
                "seconds": 6.0,
            }
            for row in self.rows
            for _ in range(16 if row["split"] != "test" else 4)
        ]

    def ran(self, row: dict, rng: random.Random) -> str:
        """Return a planted output of the agents: right at half, or a field or both off."""
        answer = dict(row["output"]["answer"])
        if rng.random() < 0.3:
            answer["team"] = "other"
        if rng.random() < 0.3:
            answer["urgent"] = not answer["urgent"]
        return json.dumps(answer)

    def write(self) -> None:
        folder = self.root / "specs"
        folder.mkdir(exist_ok=True)
        for name, records in (("triage", self.rows), ("runs", self.runs)):
            lines = "".join(f"{json.dumps(record)}\n" for record in records)
            (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")
        (folder / "graph.json").write_text(json.dumps(self.graph), encoding="utf-8")
        (folder / "triage.yaml").write_text(self.spec, encoding="utf-8")

    def unit(self):
        """Write the spec and return its unit."""
        self.write()
        (document,) = read_documents(self.spec.encode(), "specs/triage.yaml")
        return SkillKind().read(document, Project(root=self.root))[0]

    def asking(self) -> Planted:
        right = {row["input"]["ticket"]: row["output"]["answer"] for row in self.rows}
        return Planted(right, self.errs, self.refined)

    def judged(self, gate: str, *, sample: int = 0, change=None, phase=Phase.ACCEPT):
        """Return the verdict on the candidate of a chain, its files changed if asked."""
        unit, asking = self.unit(), self.asking()
        candidate = SkillKind().propose(unit, (), sample=sample, asking=asking)
        if change is not None:
            files = change(dict(candidate.files))
            candidate = SkillKind().thaw(unit, files, proposer="p", attempt=1)
        return SkillKind().judge(gate, unit, candidate, phase=phase, bench=Bench(asking))

    def rules(self, gate: str, **given) -> set[str]:
        return {finding.rule.partition(".")[2] for finding in self.judged(gate, **given).findings}
