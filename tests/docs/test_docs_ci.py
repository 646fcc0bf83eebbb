"""The page on CI: its files are those that `init` and the manifest have, its commands run."""

from __future__ import annotations

from pathlib import Path

import yaml

from pytest_compiledai.commands.init import ATTRIBUTES
from pytest_compiledai.commands.init import IGNORED

ROOT = Path(__file__).parents[2]


def test_the_lines_for_git_are_those_that_init_writes(page):
    """What the page shows is what `compiledai init` adds."""
    assert page("ci.md").block("gitattributes", ".gitattributes").splitlines() == [*ATTRIBUTES]
    assert page("ci.md").block("gitignore", ".gitignore").splitlines() == [*IGNORED]


def test_the_commands_run(page, frozen):
    """The versions are written down, a frozen file is checked, the job fails for a stale entry."""
    frozen.follow(page("ci.md"))
    frozen.write("specs/double.yaml", frozen.read("specs/double.yaml").replace("twice", "double"))
    failing, said = frozen.run("python -m pytest_compiledai.ci run --mode locked --specs specs/")

    pinned = [line.partition("==")[0].lower() for line in frozen.read("constraints.txt").split()]
    tools = [name for name in pinned if name != "pytest-compiledai"]  # an editable one has no pin
    assert tools == ["bandit", "hypothesis", "mypy", "ruff", "semgrep"]
    assert failing == 1
    assert "is stale" in said


def test_the_local_hooks_are_those_of_the_manifest(page):
    """A project that names no repository runs the same commands for the same files."""
    local = yaml.safe_load(page("ci.md").block("yaml", ".pre-commit-config.yaml"))
    manifest = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))

    hooks = local["repos"][0]["hooks"]
    assert [
        {key: hook[key] for key in own} for hook, own in zip(manifest, hooks, strict=True)
    ] == hooks
