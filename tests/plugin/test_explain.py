"""`compiledai explain`: why a verdict, and which mistakes every gate lets through."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

SPEC = """\
compiledai: 1
kind: function
name: {name}
description: Return what n is worth, in tens above ninety; abstain above five hundred.
input: {{type: object, properties: {{n: {{type: integer, minimum: 0, maximum: 1000}}}}, required: [n]}}
output: {{type: object, properties: {{m: {{type: integer}}}}, required: [m]}}
golden: {name}.jsonl
candidate: {name}.py
gates:
  accuracy: {{threshold: 1.0}}
  latency: {{p50_ms: 50, p99_ms: 500}}
  fuzz: {{examples: 10, reference: none}}
"""
CODE = """\
def double(data: DoubleInput) -> DoubleOutput:
    n = data["n"]
    if n > 500:
        raise Abstain("too many")
    if n > 90:
        return {{"m": n // 10 + 172}}
    return {{"m": 2 * n}}
"""


@pytest.fixture
def explain(project):
    """Run `compiledai explain double` in the project."""

    def run(*arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, "-m", "pytest_compiledai.cli", "explain", "double", *arguments],
            cwd=project.root,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


def frozen_code(project) -> None:
    project.unit(spec=SPEC, code=CODE).run("--compile", "specs")


def tree(project) -> dict[str, bytes]:
    """Return the project's files, without what Python and pytest cache."""
    return {
        str(path): path.read_bytes()
        for path in project.root.rglob("*")
        if path.is_file() and "cache" not in str(path)
    }


def test_mistakes_that_golden_rows_do_not_see_are_shown_with_a_row(project, explain):
    """What no row reaches survives, with a row that tells it apart; what rows reach dies.

    Where the artifact abstains the row demands an abstention, and one is enough.
    """
    project.once("explained", frozen_code)
    before = tree(project)

    done = explain("--json", "--mutants", "24")

    found = json.loads(done.stdout)
    assert 1 == done.returncode, done.stderr
    assert ("unchanged", 6) == (found["outcome"], len(found["gates"]))
    assert found["mutants"] == sum(found["killed"].values()) + found["survived"]
    rows = [spot["row"] for spot in found["weak_spots"] if spot["way"] == "row"]
    assert rows
    for row in rows:  # golden rows end at 79: only there can a mistake hide
        n = row["input"]["n"]
        assert n > 79
        want = {"m": n // 10 + 172 if n > 90 else 2 * n}
        assert (None if n > 500 else want) == row["output"]
    refusals = [spot for spot in found["weak_spots"] if spot["row"]["output"] is None]
    assert refusals
    assert {1} == {spot["rows_needed"] for spot in refusals}
    # With a threshold of 1 no mutant that answers a golden row wrongly can have passed.
    assert [] == [spot for spot in found["weak_spots"] if spot["way"] == "tolerated"]
    assert before == tree(project)


def test_a_file_of_the_users_own_cost_nothing(project, explain):
    """No model was asked for a `candidate:` file: that is said, and no break-even."""
    project.once("explained", frozen_code)

    done = explain("--mutants", "0")

    assert 0 == done.returncode, done.stderr
    assert "compile   0 tokens: no model was asked" in done.stdout
    assert "pays" not in done.stdout


def test_a_stale_unit_is_explained_without_mutants(project, explain):
    """Where nothing could be judged the reason and the next command are said."""
    project.once("explained", frozen_code)
    project.write("specs/double.yaml", project.read("specs/double.yaml").replace("worth", "good"))

    done = explain()

    assert 1 == done.returncode
    assert "double: stale" in done.stdout
    assert "pytest --compile specs/double.yaml::double" in done.stdout


def test_a_unit_that_is_not_frozen_cannot_be_explained(project, explain):
    """There is nothing to say of a unit without an entry: exit code 2 and the next command."""
    project.unit(spec=SPEC, code=CODE)

    done = explain()

    assert 2 == done.returncode
    assert "next: pytest --compile specs/" in done.stderr
