"""A pool that is put together, through pytest: every gate is asked of what comes out."""

from __future__ import annotations

import json

from pytest_compiledai.asking import request_of
from pytest_compiledai.core.document import read_documents
from pytest_compiledai.core.kind import Project
from pytest_compiledai.functions.kind import FunctionKind
from pytest_compiledai.functions.proposing import opening
from pytest_compiledai.llm.recording import Recordings
from pytest_compiledai.llm.request import Reply

SPEC = """\
compiledai: 1
kind: function
name: NAME
description: Return twice and three times the number n.
input: {type: object, properties: {n: {type: integer, minimum: -99, maximum: 99}}, required: [n]}
output: {type: object, properties: {m: {type: integer}, k: {type: integer}}, required: [m, k]}
golden: rows.jsonl
candidates: 2
proposing: {prompt: 2, repair: 2, compose: [COMPOSE]}
gates:
  latency: {p50_ms: 50, p99_ms: 500}
  fuzz: {examples: 10, reference: none}
  accuracy: ACCURACY
"""
#: Each is right in one field only; they agree where n is even.
ONE = '    return {"m": _of(data), "k": 0 if data["n"] % 2 else 3 * data["n"]}\n'
TWO = '    return {"m": 0 if data["n"] % 2 else _of(data), "k": 3 * data["n"]}\n'
CODE = """\
def _of(data: {camel}Input) -> int:
    return 2 * data["n"]


def {name}(data: {camel}Input) -> {camel}Output:
"""


def planted(project, name: str, ways: str, accuracy: str) -> None:
    """Write a spec, its rows, and an answer for each chain."""
    folder = project.root / "specs"
    folder.mkdir(exist_ok=True)
    text = SPEC.replace("NAME", name).replace("COMPOSE", ways).replace("ACCURACY", accuracy)
    (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    rows = [
        {"id": f"r{n}", "input": {"n": n}, "output": {"m": 2 * n, "k": 3 * n}} for n in range(1, 60)
    ]
    lines = "".join(f"{json.dumps(row)}\n" for row in rows)
    (folder / "rows.jsonl").write_text(lines, encoding="utf-8")
    (document,) = read_documents(text.encode(), f"specs/{name}.yaml")
    (unit,) = FunctionKind().read(document, Project(root=project.root))
    code = CODE.format(name=name, camel=name.title())
    for sample, last in enumerate((ONE, TWO)):
        reply = Reply(text=f"```python\n{code}{last}```", model="tester", tokens_in=1, tokens_out=1)
        Recordings(folder / "recordings").store(request_of(opening(unit.body), sample), reply)


def test_a_pool_is_put_together_and_judged(project, monkeypatch):
    """Fields of two half right programs make a right one; programs that disagree abstain."""
    monkeypatch.setattr("os.fsync", lambda _: None)
    planted(project, "both", "fields", "{threshold: 1.0}")
    planted(project, "agree", "agreement", "{threshold: 0.1, coverage: 0.1}")

    units = {u["id"].rpartition("::")[2]: u for u in project.report("--compile", "specs")["units"]}

    figures = {name: u["gates"]["accuracy"]["figures"] for name, u in units.items()}
    assert {"both": "frozen", "agree": "frozen"} == {n: u["outcome"] for n, u in units.items()}
    assert (1.0, 1.0) == (figures["both"]["accuracy"], figures["both"]["coverage"])
    assert (1.0, True) == (figures["agree"]["accuracy"], 0.1 < figures["agree"]["coverage"] < 0.9)
    assert "'m': a['m'],\n        'k': b['k']," in project.read("compiled/both.py")
    assert "def _of_a(" in project.read("compiled/both.py")
