"""The kind `skill` through pytest, with a tool that runs in the sandbox."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pytest_compiledai.asking import request_of
from pytest_compiledai.distill import skill
from pytest_compiledai.llm.recording import Recordings
from pytest_compiledai.llm.request import Reply
from tests.unit.distill.agents_world import Triage

TOOL = '''\
"""Counts the words of a ticket."""


def count_words(ticket: str) -> int:
    """Return the number of words."""
    return len(ticket.split())
'''


@pytest.fixture
def planted(project, monkeypatch):
    """Return a project with the planted spec, a tool, and planted answers on disk."""
    monkeypatch.setattr("os.fsync", lambda _: None)
    triage = Triage(project.root)
    triage.spec += (
        "refine: none\ntools:\n  count_words:\n    file: count_words.py\n"
        "    examples: [{input: two words, output: 2}]\n"
    )
    triage.write()
    project.write("specs/count_words.py", TOOL)
    spec = triage.unit().body
    text = skill.extracted(spec, skill.metric_classes(spec))
    made = skill.Skill(text=text, tools={"count_words": TOOL.encode()}, settings={})
    recordings = Recordings(project.root / "specs" / "recordings")
    for row in spec.rows:
        answer = json.dumps(row.output["answer"])
        reply = Reply(text=answer, model="planted/one", tokens_in=300, tokens_out=9, seconds=0.5)
        recordings.store(request_of(made.asked(row.input), 0), reply)
    return project


def test_a_skill_is_frozen_and_judged_again(planted):
    """Compiling and six gates pass, and locked mode finds the same files."""
    planted.run("--compile", "specs").assert_outcomes(passed=7)
    assert "### router" in planted.read("compiled/triage/SKILL.md")

    planted.run("--compile-locked", "specs").assert_outcomes(passed=7)


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("len(ticket.split())", "len(ticket)", "execution.tool"),
        ("return len(ticket.split())", "import os; return os.getpid()", "security."),
    ],
)
def test_a_bad_tool_is_refused(planted, old, new, rule):
    """A tool passes the gates of functions and gives what its examples say, or nothing does."""
    planted.write("specs/count_words.py", TOOL.replace(old, new))

    result = planted.run("--compile", "specs")

    assert result.ret == 1
    result.stdout.fnmatch_lines([f"*{rule}*"])


def test_the_example_freezes_from_its_recordings(pytester):
    """What a model answered is enough: none is asked, and the folder has the tool."""
    root = Path(__file__).parents[2]
    shutil.copytree(root / "examples" / "skill", pytester.path / "examples" / "skill")
    (pytester.path / "fixtures").mkdir()
    shutil.copy(root / "fixtures" / "facilities.jsonl", pytester.path / "fixtures")

    done = pytester.runpytest_inprocess("--compile", "-p", "no:xdist", "examples/skill")

    done.assert_outcomes(passed=7)
    assert (pytester.path / "compiled" / "facilities" / "tools" / "room_of.py").is_file()
