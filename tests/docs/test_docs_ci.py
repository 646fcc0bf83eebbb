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


def test_the_commands_run(page, frozen):
    """The versions are written down, a frozen file is checked, the job passes and then fails."""
    step = page("ci.md").block("yaml", WORKFLOW).splitlines()[-1].partition("- run: ")[2]

    frozen.follow(page("ci.md"))
    passing, _ = frozen.run(step)
    frozen.write("specs/double.yaml", frozen.read("specs/double.yaml").replace("twice", "double"))
    failing, said = frozen.run(step)

    pinned = [line.partition("==")[0].lower() for line in frozen.read("constraints.txt").split()]
    tools = [name for name in pinned if name != "pytest-compiledai"]  # an editable one has no pin
    assert tools == ["bandit", "hypothesis", "mypy", "ruff", "semgrep"]
    assert (passing, failing) == (0, 1)
    assert "is stale" in said
