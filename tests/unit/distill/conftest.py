"""A small spec of kind `demos`, with planted answers: no model gave them, the rules below did."""

from __future__ import annotations

import json

import pytest

from pytest_compiledai.core.document import read_documents
from pytest_compiledai.core.gate import Phase
from pytest_compiledai.core.kind import Project
from pytest_compiledai.distill import demos_judging
from pytest_compiledai.distill.demos import read_demos
from pytest_compiledai.distill.demos_kind import DemosKind
from pytest_compiledai.distill.replay import request_of
from pytest_compiledai.distill.running import student_question
from pytest_compiledai.distill.running import teacher_question
from pytest_compiledai.llm.recording import Recordings
from pytest_compiledai.llm.request import Reply
from tests.unit.distill.agents_world import Triage

SPEC = """\
compiledai: 1
kind: demos
name: tickets
description: Name the queue of a support ticket.
input: {type: object, properties: {goal: {type: string}}, required: [goal]}
output: {type: object, properties: {queue: {type: string}}, required: [queue]}
golden: tickets.jsonl
teacher: planted/big
student: planted/small
traces: traces.jsonl
retrieve: {keys: [goal], k: 2}
cascade: {samples: 3}
prices: {teacher: {in: 10, out: 50}, student: {in: 0.5, out: 2}}
gates: {accuracy: {margin: 0.2}}
"""
QUEUES = ("billing", "delivery", "login")


class Tickets:
    """A project on disk; what a test changes is written when it is judged."""

    def __init__(self, root) -> None:
        self.root = root
        self.spec = SPEC
        self.rows = [
            {
                "id": f"r{n}",
                "input": {"goal": f"ticket {n} about {QUEUES[n % 3]}"},
                "output": {"queue": QUEUES[n % 3]},
                "split": "test" if n >= 10 else "validation",
            }
            for n in range(50)
        ]
        self.traces = [
            {
                "id": f"t{n}",
                "score": 1.0 if n % 5 else 0.0,
                "goal": f"letter {n} on {QUEUES[n % 3]}",
                "steps": [{"action": QUEUES[n % 3] if n % 5 else "lost"}],
            }
            for n in range(30)
        ]

    def samples(self, row: dict) -> list[str]:
        """Return the student's planted samples: every tenth row they disagree."""
        right = row["output"]["queue"]
        return [right, right, "other" if int(row["id"][1:]) % 10 == 0 else f" {right}\n"]

    def teaches(self, row: dict) -> str:
        """Return the teacher's planted answer: right."""
        return row["output"]["queue"]

    def unit(self):
        """Write the spec and return its unit."""
        folder = self.root / "specs"
        folder.mkdir(exist_ok=True)
        for name, records in (("tickets", self.rows), ("traces", self.traces)):
            lines = "".join(f"{json.dumps(record)}\n" for record in records)
            (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")
        (folder / "tickets.yaml").write_text(self.spec, encoding="utf-8")
        (document,) = read_documents(self.spec.encode(), "specs/tickets.yaml")
        return DemosKind().read(document, Project(root=self.root))[0]

    def record(self, unit, candidate) -> None:
        """Store the planted answers."""
        demos = read_demos(candidate.files)
        recordings = Recordings(unit.body.folder)
        for row in self.rows:
            asked = teacher_question(demos, row["input"])
            recordings.store(request_of(asked), reply(asked.model, self.teaches(row), 2.0))
            for number, text in enumerate(self.samples(row)):
                asked = student_question(demos, row["input"])(number)
                recordings.store(request_of(asked), reply(asked.model, text, 0.5))

    def candidate(self, unit):
        """Return the candidate that the kind proposes."""
        return DemosKind().propose(unit, (), sample=0, asking=None)

    def judged(self, gate: str, *, change=None, record: bool = True):
        """Return the verdict on the candidate, its files changed by ``change`` if given."""
        unit = self.unit()
        candidate = self.candidate(unit)
        if record:
            self.record(unit, candidate)
        if change is not None:
            candidate = DemosKind().thaw(
                unit, change(dict(candidate.files)), proposer="p", attempt=1
            )
        return demos_judging.judge(gate, unit.body, candidate, Phase.ACCEPT)

    def rules(self, gate: str, **given) -> set[str]:
        """Return the rules that a gate finds broken."""
        return {finding.rule.partition(".")[2] for finding in self.judged(gate, **given).findings}


def reply(model: str, text: str, seconds: float | None) -> Reply:
    return Reply(text=text, model=model, tokens_in=100, tokens_out=5, seconds=seconds)


@pytest.fixture
def triage(tmp_path) -> Triage:
    return Triage(tmp_path.resolve())


@pytest.fixture
def tickets(tmp_path, monkeypatch) -> Tickets:
    monkeypatch.setattr("os.fsync", lambda _: None)  # planted files need not survive a crash
    return Tickets(tmp_path.resolve())
