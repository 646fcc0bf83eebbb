"""The built wheel and sdist: what they hold, and that the wheel alone compiles a project."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = "pytest_compiledai"
SPEC = """\
compiledai: 1
kind: function
name: double
description: Return twice the number n.
input: {type: object, properties: {n: {type: integer}}, required: [n]}
output: {type: object, properties: {m: {type: integer}}, required: [m]}
golden: double.jsonl
candidate: double.py
gates:
  latency: {p50_ms: 50, p99_ms: 500}
  fuzz: {examples: 10, reference: none}
"""
CODE = 'def double(data: DoubleInput) -> DoubleOutput:\n    return {"m": 2 * data["n"]}\n'
#: The project says for itself that what runs is what was installed.
CONFTEST = """\
import pathlib
import pytest_compiledai
assert pathlib.Path(pytest_compiledai.__file__).parent == pathlib.Path({target!r}) / {package!r}
"""

pytestmark = pytest.mark.skipif(
    not all(importlib.util.find_spec(name) for name in ("build", "hatchling", "pip"))
    or not (ROOT / "pyproject.toml").exists(),
    reason="needs a checkout, build, hatchling and pip",
)


def called(*arguments: str, cwd: Path, **environ: str) -> str:
    """Return the output of a Python command that succeeded."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=os.environ | environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def built(kind: str, source: Path, folder: Path) -> Path:
    called(
        "-m",
        "build",
        f"--{kind}",
        "--no-isolation",
        "--outdir",
        str(folder),
        str(source),
        cwd=folder,
    )
    (path,) = folder.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return path


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from the checkout."""
    return built("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the sdist and unpack it."""
    folder = tmp_path_factory.mktemp("sdist")
    with tarfile.open(built("sdist", ROOT, folder)) as archive:
        archive.extractall(folder, filter="data")
    (root,) = (path for path in folder.iterdir() if path.is_dir())
    return root


@pytest.fixture(scope="module")
def target(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into a folder of its own."""
    folder = tmp_path_factory.mktemp("target")
    quiet = ("--quiet", "--disable-pip-version-check", "--no-deps", "--no-index", "--no-compile")
    called("-m", "pip", "install", *quiet, "--target", str(folder), str(wheel), cwd=folder)
    return folder.resolve()


def digests_of(wheel: Path) -> dict[str, str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()}


def data_of(folder: Path) -> dict[str, str]:
    """Return the digests of the gates' data below a folder, by path."""
    files = (
        path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    )
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def run_pytest(project: Path, target: Path, *arguments: str) -> str:
    plugins = ("-p", f"{PACKAGE}.plugin", "-p", "no:cacheprovider")
    environ = {"PYTHONPATH": str(target), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return called("-m", "pytest", *plugins, *arguments, cwd=project, **environ)


def write_conftest(project: Path, target: Path) -> None:
    text = CONFTEST.format(target=str(target), package=PACKAGE)
    (project / "conftest.py").write_text(text, encoding="utf-8")
    (project / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n", encoding="utf-8")


@pytest.mark.parametrize(
    "folder", ["functions/prompts", "functions/modules", "commands/first", "sandbox", "py.typed"]
)
def test_the_wheel_holds_every_file_of_the_package(wheel: Path, folder: str) -> None:
    """Data beside the code is shipped like the code: prompts, modules, the first spec, the mark."""
    path = ROOT / PACKAGE / folder
    wanted = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    wanted = [p for p in wanted if "__pycache__" not in p.parts]

    held = digests_of(wheel)

    assert wanted
    assert [p for p in wanted if p.relative_to(ROOT).as_posix() not in held] == []


def test_the_wheel_holds_the_gates_data(wheel: Path) -> None:
    """What the top-level `gates/` states lies inside the package, byte for byte."""
    lead = f"{PACKAGE}/_assets/gates/"
    held = {k.removeprefix(lead): v for k, v in digests_of(wheel).items() if k.startswith(lead)}

    assert held == data_of(ROOT / "gates")
    assert {name.split("/")[0] for name in held} >= {"security", "syntax", "execution", "fuzz"}


def test_the_wheel_holds_nothing_else(wheel: Path) -> None:
    """The package and its metadata: no tests, no examples, no folder that shadows another's."""
    names = digests_of(wheel)

    tops = {name.split("/")[0].partition("-")[0] for name in names}
    assert tops == {PACKAGE}
    assert not [name for name in names if name.endswith(".pyc")]
    assert not [name for name in names if "/tests/" in name or "/test_" in name.split("_assets")[0]]


def test_the_wheel_says_what_it_offers(wheel: Path) -> None:
    """Entry points, licence and the extras are in the metadata."""
    with zipfile.ZipFile(wheel) as archive:
        texts = {
            Path(name).name: archive.read(name).decode()
            for name in archive.namelist()
            if ".dist-info/" in name
        }

    assert f"compiledai = {PACKAGE}.plugin" in texts["entry_points.txt"]
    assert f"compiledai = {PACKAGE}.cli:main" in texts["entry_points.txt"]
    assert "Provides-Extra: gates" in texts["METADATA"]
    assert "LICENSE" in texts


def test_the_sdist_holds_the_same_data_and_builds_the_same_wheel(
    wheel: Path, sdist: Path, tmp_path: Path
) -> None:
    """Who builds from the sdist gets the files that we ship."""
    assert data_of(sdist / "gates") == data_of(ROOT / "gates")
    again = digests_of(built("wheel", sdist, tmp_path))

    assert again == digests_of(wheel)


def test_the_wheel_compiles_a_project_and_judges_it_again(target: Path, tmp_path: Path) -> None:
    """Installed apart from the checkout it freezes a unit, and locked mode agrees."""
    specs = tmp_path / "specs"
    specs.mkdir()
    write_conftest(tmp_path, target)
    (specs / "double.yaml").write_text(SPEC, encoding="utf-8")
    (specs / "double.py").write_text(CODE, encoding="utf-8")
    rows = ({"id": f"r{n}", "input": {"n": n}, "output": {"m": 2 * n}} for n in range(80))
    text = "".join(f"{json.dumps(row)}\n" for row in rows)
    (specs / "double.jsonl").write_text(text, encoding="utf-8")

    first = run_pytest(tmp_path, target, "--compile", "specs")
    lock = (tmp_path / "compiledai.lock").read_bytes()
    second = run_pytest(tmp_path, target, "--compile-locked", "specs")

    assert "1 frozen" in first
    assert "7 passed" in second
    assert (tmp_path / "compiledai.lock").read_bytes() == lock
    assert (tmp_path / "compiled" / "double.py").is_file()


def test_the_wheel_brings_a_first_spec_that_compiles(target: Path, tmp_path: Path) -> None:
    """`compiledai init` and one run, with the recordings that are shipped."""
    write_conftest(tmp_path, target)

    called("-m", f"{PACKAGE}.cli", "init", cwd=tmp_path, PYTHONPATH=str(target))
    out = run_pytest(tmp_path, target, "--compile", "specs")

    assert "1 frozen" in out
    assert "(all replayed)" in out
