"""The page on CI: its workflow is valid, its files are those that `init` writes, its commands run."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_compiledai.commands.init import ATTRIBUTES
from pytest_compiledai.commands.init import IGNORED

WORKFLOW = ".github/workflows/compiled.yml"


@pytest.fixture
def workflow(page, reader) -> Path:
    """Write the page's workflow into a folder of its own."""
    reader.write(WORKFLOW, page("ci.md").block("yaml", WORKFLOW))
    return reader.folder / WORKFLOW


def checked(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.skipif(
    importlib.util.find_spec("check_jsonschema") is None, reason="check-jsonschema is missing"
)
def test_the_workflow_is_what_github_reads(workflow):
    """The workflow holds against the schema of workflows that check-jsonschema brings along."""
    done = checked(
        *(sys.executable, "-m", "check_jsonschema"),
        *("--builtin-schema", "vendor.github-workflows", str(workflow)),
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_workflow_stands_an_audit(workflow):
    """The audit of workflows finds nothing, offline."""
    program = Path(sys.executable).with_name("zizmor")
    if not program.exists():
        pytest.skip("zizmor is missing")

    done = checked(str(program), "--offline", str(workflow))

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_workflow_uses_the_actions_of_our_own(page):
    """The page pins what the project's own workflow pins, so that one update moves both."""
    own = (Path(__file__).parents[2] / ".github/workflows/ci.yml").read_text(encoding="utf-8")

    uses = [line.strip() for line in page("ci.md").text.splitlines() if "uses: " in line]

    assert uses
    assert [line for line in uses if line not in own] == []


def test_the_lines_for_git_are_those_that_init_writes(page):
    """What the page shows is what `compiledai init` adds."""
    assert page("ci.md").block("gitattributes", ".gitattributes").splitlines() == [*ATTRIBUTES]
    assert page("ci.md").block("gitignore", ".gitignore").splitlines() == [*IGNORED]


def test_the_commands_run(page, reader):
    """The versions are written down, and the check of a frozen file prints what the page shows."""
    reader.double()
    code, said = reader.run("pytest --compile specs")
    assert code == 0, said

    reader.follow(page("ci.md"))

    pinned = [line.partition("==")[0].lower() for line in reader.read("constraints.txt").split()]
    assert pinned == ["bandit", "hypothesis", "mypy", "ruff", "semgrep"]


def test_the_command_of_the_job_passes_on_what_was_frozen(page, reader):
    """The job's last step succeeds after a compile and fails when the spec has changed since."""
    step = page("ci.md").block("yaml", WORKFLOW).splitlines()[-1].partition("- run: ")[2]
    reader.double().run("pytest --compile specs")
    assert reader.run(step)[0] == 0

    reader.write("specs/double.yaml", reader.read("specs/double.yaml").replace("twice", "double"))
    code, said = reader.run(step)

    assert code == 1
    assert "is stale" in said
