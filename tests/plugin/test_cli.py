"""The `compiledai` command: check, try, keep."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from pytest_compiledai.commands.attempt import _told


@pytest.fixture
def command(project):
    """Run `compiledai` in the project."""

    def run(*arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, "-m", "pytest_compiledai.cli", *arguments],
            cwd=project.root,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def test_check_judges_a_file(project, command):
    """The static gates run on any Python file; findings make the exit code 1."""
    project.write("bad.py", "import os\n\n\ndef f() -> str:\n    return os.environ['X']\n")

    done = command("check", "bad.py")

    assert 1 == done.returncode
    assert "[security.import]" in done.stdout


def test_check_speaks_json(project, command):
    """The JSON has the shape that editors script against."""
    project.write("good.py", "def f(n: int) -> int:\n    return n + 1\n")

    done = command("check", "good.py", "--json", "--gate", "security")

    assert 0 == done.returncode
    passed = {"outcome": "passed", "findings": []}
    assert {"files": [{"path": "good.py", "gates": {"security": passed}}]} == json.loads(
        done.stdout
    )


def test_check_of_a_spec_judges_its_artifact(project, command):
    """A spec stands for what it was compiled to."""
    project.frozen()

    done = command("check", "specs/double.yaml")

    assert 0 == done.returncode
    assert "1 file, 0 findings" in done.stdout


def test_check_of_a_missing_file_says_so(command):
    """What cannot be read is an error with exit code 2."""
    done = command("check", "nowhere.py")

    assert 2 == done.returncode
    assert "nowhere.py: found no such file" in done.stderr


def test_try_calls_the_frozen_function(project, command):
    """The answer is printed as JSON."""
    project.frozen()

    done = command("try", "double", '{"n": 21}')

    assert {"m": 42} == json.loads(done.stdout)


def test_try_times_and_prices_the_call(project, command):
    """Beside the answer stand the CPU time with what was measured, and the price."""
    project.frozen()

    done = command("try", "double", '{"n": 21}')

    time, price = done.stderr.splitlines()
    figures = r"time   p50 [\d.e-]+ ms, p99 [\d.e-]+ ms of CPU a call"
    measured = r" \(this input \d+ times, best of 3 rounds, sandbox \w+\)"
    assert re.fullmatch(figures + measured, time)
    assert "price  0 tokens; reference: not known what the reference takes" in price


def test_try_says_when_the_function_abstains(project, command):
    """An abstention is not an answer: exit code 1 and the reason."""
    project.frozen()

    done = command("try", "double", '{"n": "x"}')

    assert 1 == done.returncode
    assert "abstains: " in done.stderr


def test_try_passes_on_what_the_loader_says():
    """The loader's message is told once, not inside another."""
    text = "compiledai.lock: found no artifact 'nope'; expected one; next: `pytest`, or ship it"

    assert text == str(_told("compiled/nope.py", text))
    assert "found half of it; expected a frozen artifact" in str(_told("x.py", "half of it"))


def test_try_refuses_an_edited_artifact(project, command):
    """The command loads through the same check as production."""
    project.frozen()
    project.write("compiled/double.py", project.read("compiled/double.py") + "# x\n")

    done = command("try", "double", '{"n": 1}')

    assert 2 == done.returncode
    assert "git checkout -- compiledai.lock compiled/" in done.stderr


CRASHING = """\
def double(data: DoubleInput) -> DoubleOutput:
    if data["n"] == 2 * 44 - 1:
        raise Abstain("a case nobody thought of")
    return {{"m": 2 * data["n"] // (data["n"] - 997 if data["n"] == 997 else 1)}}
"""


def test_keep_makes_a_train_row(project, command):
    """A row with the given answer is appended, for training, and the unit becomes stale."""
    project.frozen()

    done = command("keep", "double", "--input", '{"n": 900}', "--output", '{"m": 1800}')

    assert 0 == done.returncode, done.stderr
    row = json.loads(project.read("specs/double.jsonl").splitlines()[-1])
    assert {"n": 900} == row["input"]
    assert "train" == row["split"]
    assert {"double": "renewed"} == project.outcomes("--compile", "specs")


def test_keep_refuses_an_answer_outside_the_schema(project, command):
    """A row that the schemas forbid is not written."""
    project.frozen()
    before = project.read("specs/double.jsonl")

    done = command("keep", "double", "--input", '{"n": 900}', "--output", '{"m": "x"}')

    assert 2 == done.returncode
    assert before == project.read("specs/double.jsonl")


def test_keep_takes_the_last_counterexample(project, command):
    """Without --input the fuzz gate's shrunk counterexample of the last run is taken."""
    project.unit(
        code="""\
        def double(data: DoubleInput) -> DoubleOutput:
            return {{"m": 2 * data["n"] + 0 // (0 if data["n"] < -5 else 1)}}
        """
    )
    failed = project.run("--compile", "specs")
    failed.stdout.fnmatch_lines(["*ZeroDivisionError*fuzz.exception*"])

    done = command("keep", "double", "--output", '{"m": -12}')

    assert 0 == done.returncode, done.stderr
    assert {"n": -6} == json.loads(project.read("specs/double.jsonl").splitlines()[-1])["input"]


def test_keep_without_a_counterexample_says_how(command):
    """There is nothing to keep before a fuzz gate failed."""
    done = command("keep", "double", "--output", "1")

    assert 2 == done.returncode
    assert "next: compiledai keep double --input JSON --output JSON" in done.stderr
