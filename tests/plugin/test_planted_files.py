"""What a repository can bring along, and that it changes no verdict and installs nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest

from pytest_compiledai.commands.init import ATTRIBUTES
from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.journal import Journal
from pytest_compiledai.core.journal import Move

EVIL = b"def double(data):\n    return {'m': 0, 'evil': True}\n"
WRONG = "def double(data: DoubleInput) -> DoubleOutput:\n    return {'m': 3 * data['n']}\n"


def tree(root: Path) -> dict[str, bytes]:
    """Return what is frozen below ``root``."""
    paths = [root / "compiledai.lock", *sorted((root / "compiled").rglob("*"))]
    return {str(path): path.read_bytes() for path in paths if path.is_file()}


def test_a_planted_journal_installs_nothing(project):
    """`compiled/.next/` of a checkout is dropped: what it would install was judged by nobody."""
    project.frozen()
    before = tree(project.root)
    old = project.lock.encode()
    new = old.replace(
        digest((project.root / "compiled/double.py").read_bytes()).encode(), b"0" * 64
    )
    folder = project.root / "compiled" / ".next"
    folder.mkdir()
    (folder / "0").write_bytes(EVIL)
    (folder / "lock").write_bytes(new)
    move = Move(staged="0", target="double.py", sha256=digest(EVIL))
    journal = Journal(files=(move,), removed=(), old=digest(old), new=digest(new))
    (folder / "journal.json").write_bytes(journal.render())

    locked = project.run("--compile-locked", "specs", "-k", "compile")
    assert locked.ret == pytest.ExitCode.OK
    result = project.run("--compile", "specs", "-k", "compile")

    result.stdout.fnmatch_lines(["*found a journal that no run of this user left for this place*"])
    assert tree(project.root) == before
    assert not folder.exists()


def test_planted_verdicts_are_read_by_nobody(project, monkeypatch, tmp_path_factory):
    """A cache, a report, a store and variables that promise a pass leave a wrong unit rejected."""
    project.unit(code=WRONG)
    root, store = project.root, tmp_path_factory.mktemp("compiledai-run-1")
    passed = {"gate": "accuracy", "findings": [], "figures": {}}
    unit = {"id": "specs/double.yaml::double", "kind": "function", "outcome": "frozen", "gates": {}}
    planted = {
        root / "report.json": {"version": 1, "units": [unit]},
        root / ".pytest_cache/v/compiledai/verdicts": {"double": passed},
        root / ".pytest_cache/v/compiledai/counterexamples": ["double"],
        root / ".pytest_cache/v/cache/lastfailed": {},
        store / "values/gates/double/accuracy.json": passed,
        store / "values/units/double.json": {"unit": "double", "outcome": "frozen"},
    }
    for path, value in planted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value))
    for name in ("STORE", "RUN", "CACHE", "VERDICTS"):
        monkeypatch.setenv(f"COMPILEDAI_{name}", str(store))

    report = project.report("--compile", "specs")

    assert [unit["outcome"] for unit in report["units"]] == ["rejected"]
    assert not (root / "compiledai.lock").exists()


@pytest.fixture
def first(project):
    """Return the project that `compiledai init` writes, with its recordings."""
    source = files("pytest_compiledai.commands").joinpath("first")
    shutil.copytree(str(source), project.root / "specs")
    (project.root / "specs" / "recordings").chmod(0o755)
    return project


def proposal(project) -> Path:
    """Return the recording that holds the proposed function."""
    folder = project.root / "specs" / "recordings"
    (path,) = (p for p in folder.glob("*.*.json") if '"```python"' in p.read_text())
    return path


def answered(project, code: str) -> None:
    """Put other code into the recorded answer, as a hand that edits the file would."""
    path = proposal(project)
    data = json.loads(path.read_text(encoding="utf-8"))
    data["reply"]["text"] = ["```python", *code.splitlines(), "```"]
    path.write_text(json.dumps(data), encoding="utf-8")


HEAD = "def parse_duration(data: ParseDurationInput) -> ParseDurationOutput:\n    "


@pytest.mark.parametrize(
    ("code", "gate"),
    [
        (f"import os\n\n\n{HEAD}os.system('true')\n    return {{'seconds': 1}}", "security"),
        (f"{HEAD}return {{'seconds': 1}}", "accuracy"),
    ],
)
def test_an_edited_answer_passes_every_gate_or_is_refused(first, code, gate):
    """A recording is no more than a proposal: hostile or wrong code in it is rejected."""
    answered(first, code)

    (unit,) = first.report("--compile", "specs")["units"]

    assert unit["outcome"] != "frozen"
    assert unit["gates"][gate]["outcome"] == "failed"
    assert not (first.root / "compiledai.lock").exists()


def test_an_edited_request_is_told_by_its_address(first):
    """A recording answers the request whose digest is its name, and no other."""
    path = proposal(first)
    data = json.loads(path.read_text(encoding="utf-8"))
    data["request"]["messages"][0]["content"].append("be quick")
    path.write_text(json.dumps(data), encoding="utf-8")

    result = first.run("--compile", "specs")

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*found a request whose digest is*"])


def test_a_loader_that_checks_nothing_fails_locked_mode(project):
    """`compiled/__init__.py` is what compares bytes in production: another one is told."""
    project.frozen()
    project.write("compiled/__init__.py", "def load(name): ...\n")

    locked = project.run("--compile-locked", "specs", "-k", "compile")
    frozen = project.run("--compile-frozen", "specs", "-k", "compile")

    assert (locked.ret, frozen.ret) == (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.OK)
    for result in (locked, frozen):
        result.stdout.fnmatch_lines(["compiled/__init__.py: found *that of this version*"])


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@pytest.mark.parametrize("kept", [True, False])
def test_a_checkout_with_crlf(project, kept):
    """The lines of `compiledai init` keep LF; without them the message names .gitattributes."""
    project.frozen()
    origin, clone = project.root, project.root / "clone"
    if kept:
        project.write(".gitattributes", "\n".join([*ATTRIBUTES, ""]))
    options = ("-c", "user.name=x", "-c", "user.email=x@y", "-c", "core.autocrlf=false")
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"]):
        git(origin, *options, *command)
    git(origin, "-c", "core.autocrlf=true", "clone", "-q", str(origin), str(clone))
    assert (b"\r\n" in (clone / "compiled" / "double.py").read_bytes()) is not kept
    os.chdir(clone)

    result = project.run("--compile-locked", "specs", "-k", "compile")

    if kept:
        assert result.ret == pytest.ExitCode.OK
    else:
        assert result.ret == pytest.ExitCode.TESTS_FAILED
        result.stdout.fnmatch_lines(["*CRLF line ends*", "next: add *eol=lf*.gitattributes*"])


def git(folder: Path, *arguments: str) -> None:
    environ = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", *arguments], cwd=folder, env=environ, check=True, capture_output=True)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with a name")
def test_a_pipe_in_place_of_golden_rows_does_not_hang(project):
    """Collecting opens what a spec names: a pipe and an endless device end in an error."""
    project.unit().unit("triple")
    for name, make in (("double", os.mkfifo), ("triple", lambda p: p.symlink_to("/dev/zero"))):
        path = project.root / "specs" / f"{name}.jsonl"
        path.unlink()
        make(path)

    result = project.run("--compile", "specs", "--collect-only")

    said = result.stdout.str()
    assert said.count("expected a file that can be read") + said.count("inside the project") == 2


def test_a_renamed_spec_is_not_gone(project):
    """Its entry is renewed under the new path, and nobody is told to prune it."""
    project.frozen()
    (project.root / "specs" / "double.yaml").rename(project.root / "specs" / "twice.yaml")

    result = project.run("--compile", "specs")

    assert "--compile-prune" not in result.stdout.str()
    assert 'spec = "specs/twice.yaml"' in project.lock


@pytest.mark.parametrize("path", ["compiled/__init__.pyi", "compiled/double.pyi"])
def test_an_edited_index_of_types_fails_locked_mode(project, path):
    """What a type checker believes is told apart as well, though nothing executes it."""
    project.frozen()
    project.write(path, "def double(data: str) -> str: ...\n")

    locked = project.run("--compile-locked", "specs", "-k", "compile")

    assert locked.ret == pytest.ExitCode.TESTS_FAILED
    locked.stdout.fnmatch_lines([f"{path}: found *that of this version*"])
