"""Small profiles, made of rows."""

from __future__ import annotations

import pytest

ROW = {
    "query": "q",
    "agent": "a",
    "setting": "s",
    "sample": 0,
    "state": "correct",
    "score": 1.0,
    "answer": "x",
    "tokens_in": 10,
    "tokens_out": 5,
    "seconds": 1.0,
    "ttft": None,
    "cost": 0.01,
}


@pytest.fixture
def frame():
    """Return rows as a frame; each is what differs from a right answer of one second."""
    polars = pytest.importorskip("polars", reason="the extra `workflows` is not installed")
    from pytest_compiledai.workflows.profile import COLUMNS

    def make(*rows: dict):
        schema = {name: getattr(polars, dtype) for name, dtype in COLUMNS.items()}
        return polars.DataFrame([ROW | row for row in rows], schema=schema)

    return make


@pytest.fixture
def profile(frame):
    """Return the profile of rows."""
    pytest.importorskip("polars", reason="the extra `workflows` is not installed")
    from pytest_compiledai.workflows.profile import profile_of

    return lambda *rows: profile_of(frame(*rows))


SPEC = """\
compiledai: 1
kind: workflow
name: answer
description: Answer a question, reviewed or voted on.
input: {type: object, properties: {n: {type: integer}}, required: [n]}
output: {type: object, properties: {a: {type: string}}, required: [a]}
golden: answer.jsonl
agents:
  solver: {prompt: "Answer {n}.", models: [small, large]}
  reviewer: {prompt: "Review the answer to {n}.", models: [small]}
flow:
  choice:
    - solver
    - sequence: [solver, reviewer]
    - vote: {of: solver, copies: 3}
choose:
  good: {accuracy: 0.6}
"""


class World:
    """A spec, its problems and a generated profile on disk; `unit()` reads them as they stand."""

    def __init__(self, root, frame) -> None:
        self.root = root
        self.frame = frame
        self.spec = SPEC
        self.problems = [
            {"id": f"p{n}", "input": {"n": n}, "output": {"a": f"right {n}"}} for n in range(150)
        ]
        self.rows = [row for problem in self.problems for row in self.measured(problem["id"])]

    def measured(self, query: str) -> list[dict]:
        """Return rows of every agent on a problem, or on an edited one, two samples each."""
        import random

        rng = random.Random(query.partition("~")[0])
        hard = rng.random()
        rows = []
        for agent, setting, state, chance, seconds in (
            ("solver", "small", "correct", 0.85 - 0.5 * hard, 1.0),
            ("solver", "large", "correct", 0.99 - 0.3 * hard, 4.0),
            ("reviewer", "small", "correct", 0.97, 0.5),
            ("reviewer", "small", "wrong", 0.3, 0.5),
        ):
            for sample in range(2):
                good = rng.random() < chance
                rows.append(
                    {
                        "query": query,
                        "agent": agent,
                        "setting": setting,
                        "sample": sample,
                        "state": state,
                        "score": float(good),
                        "answer": "right" if good else f"wrong {rng.randrange(3)}",
                        "seconds": seconds * rng.uniform(0.8, 1.2),
                        "cost": seconds / 1000,
                    }
                )
        return rows

    def edited(self, *, right: bool = True) -> World:
        """Add rows of an edited form of each problem, as good as before or all wrong."""
        for problem in self.problems:
            for row in self.measured(f"{problem['id']}~1"):
                self.rows.append(row if right else row | {"score": 0.0, "answer": "lost"})
        return self

    def off(self, *gates: str) -> World:
        self.spec += "gates: {" + ", ".join(f"{gate}: off" for gate in gates) + "}\n"
        return self

    def write(self) -> None:
        import json

        from pytest_compiledai.workflows.profile import write_profile

        folder = self.root / "specs"
        (folder / "recordings").mkdir(parents=True, exist_ok=True)
        (folder / "answer.yaml").write_text(self.spec, encoding="utf-8")
        lines = "".join(f"{json.dumps(problem)}\n" for problem in self.problems)
        (folder / "answer.jsonl").write_text(lines, encoding="utf-8")
        if self.rows:
            data = write_profile(self.frame(*self.rows))
            (folder / "recordings" / "answer.profile.parquet").write_bytes(data)

    def unit(self):
        """Write everything and return the unit that the kind reads."""
        from pytest_compiledai.core.document import read_documents
        from pytest_compiledai.core.kind import Project
        from pytest_compiledai.workflows.kind import WorkflowKind

        self.write()
        (document,) = read_documents(self.spec.encode(), "specs/answer.yaml")
        return WorkflowKind().read(document, Project(root=self.root))[0]

    def test_ids(self) -> set[str]:
        from pytest_compiledai.core.split import Split

        return set(self.unit().body.ids(Split.TEST))


@pytest.fixture
def world(tmp_path, frame) -> World:
    return World(tmp_path.resolve(), frame)
