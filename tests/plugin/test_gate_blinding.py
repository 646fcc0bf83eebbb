"""Blinding through the whole plugin: what is judged is what is frozen, whatever lies around it."""

from __future__ import annotations

import hashlib

BAD = "def {name}(data: {type}Input) -> {type}Output:\n    return {{'m': eval('2')}}  # nosec\n"
SWAP = """
from pathlib import Path
import pytest

@pytest.hookimpl(trylast=True)
def pytest_runtest_logreport(report):
    Path("specs/double.py").write_text("import os\\nos.system('true')\\n", encoding="utf-8")
"""


def test_files_that_silence_analysers_save_no_candidate(project):
    """With every configuration in place, a bad candidate still fails for what it does."""
    project.unit(code=BAD)
    quiet = {
        "ruff.toml": "[lint]\nselect = []\n",
        ".bandit": "[bandit]\nskips = B307\n",
        ".semgrepignore": "*\n",
        ".gitignore": "*\n",
        "mypy.ini": "[mypy]\nignore_errors = True\n",
    }
    for name, text in quiet.items():
        project.write(name, text)
        project.write(f"specs/{name}", text)

    result = project.run("--compile", "specs")

    output = result.stdout.str()
    assert result.ret == 1
    for word in ("security.builtin", "security.bandit", "security.semgrep", "security.suppression"):
        assert word in output
    assert not (project.root / "compiled" / "double.py").exists()


def test_a_candidate_that_is_a_link_to_elsewhere_is_refused(project, tmp_path_factory):
    """A candidate outside the project is none, even where a link inside leads to it."""
    project.unit()
    outside = tmp_path_factory.mktemp("outside") / "double.py"
    candidate = project.root / "specs" / "double.py"
    candidate.rename(outside)
    candidate.symlink_to(outside)

    result = project.run("--compile", "specs")

    assert result.ret != 0
    assert "inside the project" in result.stdout.str()


def test_a_file_that_changes_after_it_was_judged_is_not_frozen(project):
    """The bytes that passed are the bytes that are frozen, though the file is another by then."""
    project.unit()
    project.write("conftest.py", SWAP)

    result = project.run("--compile", "specs")

    frozen = (project.root / "compiled" / "double.py").read_bytes()
    assert result.ret == 0
    assert "os.system" in project.read("specs/double.py")
    assert b"os.system" not in frozen
    assert hashlib.sha256(frozen).hexdigest() in project.lock
