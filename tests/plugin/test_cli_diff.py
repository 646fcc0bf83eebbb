"""`compiledai diff`: what two frozen revisions answer differently."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

# pytester forgets modules that a test imports first; their packages do not.
import pytest_compiledai.commands.diff  # noqa: F401
from pytest_compiledai.cli import main

CHANGED = """\
def {name}(data: {type}Input) -> {type}Output:
    if data["n"] > 900:
        return {{"m": 0}}
    return {{"m": 2 * data["n"]}}
"""


@pytest.fixture
def two_revisions(project):
    """Give `double` frozen and committed, and another function of that name frozen beside it."""
    kept = project.template / "two-revisions"
    if not kept.exists():
        project.frozen()
        git(project, "init", "--quiet")
        git(project, "add", ".")
        git(project, "commit", "--quiet", "-m", "one")
        project.unit(code=CHANGED).run("--compile", "specs")
        shutil.copytree(project.root, kept)
    shutil.copytree(kept, project.root, dirs_exist_ok=True)
    return project


def git(project, *arguments: str) -> None:
    """Run git in the project."""
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=project.root, check=True, timeout=30)


def test_changed_answers_are_shown(two_revisions, capsys):
    """Drawn inputs find a change that no golden row shows; the exit code says so."""
    code = main(["--root", str(two_revisions.root), "diff", "double"])

    said = capsys.readouterr().out
    assert 1 == code
    assert said.startswith("double: HEAD ")
    assert '  + {"m":0}' in said
    assert "0 promises changed, 0 of them looser" in said
    assert "inputs answered differently" in said


def test_equal_revisions_have_no_changes(two_revisions, capsys):
    """The same bytes give the same answers, and nothing is run to say so."""
    code = main(["--root", str(two_revisions.root), "diff", "double", "HEAD", "HEAD", "--json"])

    assert 0 == code
    assert [] == json.loads(capsys.readouterr().out)["changed"]


def test_an_artifact_that_its_lock_does_not_name_is_refused(two_revisions, capsys):
    """Nothing is run that was not frozen."""
    path = two_revisions.root / "compiled" / "double.py"
    path.write_text("x = 1\n", encoding="utf-8")

    code = main(["--root", str(two_revisions.root), "diff", "double"])

    assert 2 == code
    assert "compiled/double.py of the working tree: found other bytes" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["double", "gone"], "revision 'gone'"),
        (["double", "--upload-pack=x"], "revision '--upload-pack=x'"),
        (["other"], "no entry of other"),
    ],
)
def test_what_is_not_there_is_an_error(two_revisions, capsys, arguments, found):
    """The message names the revision or the unit."""
    options = ["--", *arguments] if arguments[-1].startswith("-") else arguments

    code = main(["--root", str(two_revisions.root), "diff", *options])

    assert 2 == code
    assert found in capsys.readouterr().err
