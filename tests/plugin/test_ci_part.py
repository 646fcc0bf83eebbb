"""A run that is one part of many has its share of the budget that all parts share."""

from __future__ import annotations

import pytest

from pytest_compiledai.ci.shard import Shard

SPEC = """\
compiledai: 1
kind: function
name: double
description: Return twice the number n.
input: {type: object, properties: {n: {type: integer}}, required: [n]}
output: {type: object, properties: {m: {type: integer}}, required: [m]}
golden: double.jsonl
"""


@pytest.fixture
def project(pytester):
    """A unit that asks a model."""
    pytester.makefile(".yaml", double=SPEC)
    row = '{{"id": "r{0}", "input": {{"n": {0}}}, "output": {{"m": {1}}}}}'
    rows = "\n".join(row.format(n, 2 * n) for n in range(40))
    pytester.path.joinpath("double.jsonl").write_text(rows + "\n", encoding="utf-8")
    return pytester


def bill(project, monkeypatch, *arguments: str) -> str:
    """Return what is said before the first call."""
    monkeypatch.setenv("OPENAI_API_BASE", "http://127.0.0.1:9/v1")
    named = ("--compile-model", "bridge/nobody", "--collect-only", "-q")
    recorder = ("-p", "pytest_compiledai.ci.plugin", "--ci-folder=ci")
    ran = project.runpytest_subprocess("--compile", *named, *recorder, *arguments, "double.yaml")
    return ran.stdout.str() + ran.stderr.str()


def test_a_part_is_told_its_share(project, monkeypatch):
    """The part that has the unit may spend its share of what all may, and no more."""
    (part,) = (n for n in (1, 2) if Shard(number=n, of=2).holds("double"))

    said = bill(project, monkeypatch, f"--ci-shard={part}/2", "--compile-budget-tokens=90000")

    assert "worst case for 1 unit" in said
    assert f"part {part}/2 may spend its share of the budget: 45,000 tokens" in said


def test_the_whole_spends_the_whole(project, monkeypatch):
    """A run without parts says nothing of shares."""
    said = bill(project, monkeypatch, "--compile-budget-tokens=90000")

    assert "worst case for 1 unit" in said
    assert "share of the budget" not in said
