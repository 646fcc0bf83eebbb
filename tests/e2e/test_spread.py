"""`ci spread`: parts on one machine and on a real cluster give what one run gives, to the byte."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_compiledai.ci.shard import Shard

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="compiles, which needs Linux's sandbox"),
    pytest.mark.skipif(
        importlib.util.find_spec("joblib") is None, reason="needs the extra `scale`"
    ),
]
UNITS = ("double", "half")
SPEC = """\
compiledai: 1
kind: function
name: {name}
description: Return twice the number n.
input: {{type: object, properties: {{n: {{type: integer, minimum: -1000, maximum: 1000}}}}, required: [n]}}
output: {{type: object, properties: {{m: {{type: integer}}}}, required: [m]}}
golden: {name}.jsonl
candidate: {name}.py
gates:
  latency: {{p50_ms: 50, p99_ms: 500}}
  fuzz: {{examples: 10, reference: none}}
"""
CODE = 'def {name}(data: {type}Input) -> {type}Output:\n    return {{"m": {factor} * data["n"]}}\n'
ENVIRON = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}


def write(root: Path, name: str, factor: int = 2) -> None:
    """Write a unit that judges a file of its own."""
    specs = root / "specs"
    specs.mkdir(exist_ok=True)
    (specs / f"{name}.yaml").write_text(SPEC.format(name=name), encoding="utf-8")
    code = CODE.format(name=name, type=name.title(), factor=factor)
    (specs / f"{name}.py").write_text(code, encoding="utf-8")
    rows = ({"id": f"r{n}", "input": {"n": n}, "output": {"m": 2 * n}} for n in range(80))
    text = "".join(f"{json.dumps(row)}\n" for row in rows)
    (specs / f"{name}.jsonl").write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A project of two units that fall into different parts of two."""
    root = tmp_path_factory.mktemp("spread")
    assert {1, 2} == {n for n in (1, 2) for unit in UNITS if Shard(number=n, of=2).holds(unit)}
    for name in UNITS:
        write(root, name)
    without = " ".join(f"-p no:{name}" for name in ("cacheprovider", "anyio", "hypothesispytest"))
    text = f"[pytest]\naddopts = {without}\ncompiledai_sandbox = native\n"
    (root / "pytest.ini").write_text(text, encoding="utf-8")
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    return root


@pytest.fixture
def copy(project, tmp_path) -> Path:
    """A copy of the project, where nothing is frozen."""
    return shutil.copytree(project, tmp_path / "project")


@pytest.fixture(scope="module")
def frozen(project, tmp_path_factory) -> dict[str, bytes]:
    """What one run of pytest writes."""
    root = shutil.copytree(project, tmp_path_factory.mktemp("one") / "project")
    command = [sys.executable, "-m", "pytest", "--compile", "specs", "-q"]
    subprocess.run(command, cwd=root, env=ENVIRON, check=True, stdout=subprocess.DEVNULL)
    return written(root)


def written(root: Path) -> dict[str, bytes]:
    """Return the lock and the artifacts."""
    paths = [root / "compiledai.lock", *sorted((root / "compiled").rglob("*.py*"))]
    return {
        path.relative_to(root).as_posix(): path.read_bytes() for path in paths if path.is_file()
    }


def spread(root: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Run `ci spread --mode compile` in two parts."""
    command = [sys.executable, "-m", "pytest_compiledai.ci", "spread", "--mode", "compile"]
    return subprocess.run(
        [*command, "--parts", "2", "--jobs", "2", *arguments],
        cwd=root,
        env=ENVIRON,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_parts_here_give_what_one_run_gives(copy, frozen):
    """With `loky`, lock, artifacts and loader are the bytes of one run of pytest."""
    done = spread(copy)

    assert 0 == done.returncode, done.stdout + done.stderr
    assert "2 frozen, 0 renewed" in done.stdout
    assert frozen == written(copy)


def test_a_cluster_gives_what_one_run_gives(copy, frozen, cluster):
    """On two workers of a real cluster, lock, artifacts and loader are the same bytes again."""
    done = spread(copy, "--backend", "dask", "--address", cluster)

    assert 0 == done.returncode, done.stdout + done.stderr
    assert frozen == written(copy)


def test_a_unit_that_fails_in_its_part_is_not_frozen(copy, frozen):
    """The other part's unit is frozen, the exit code is 1, and the reason is shown."""
    write(copy, "half", factor=3)

    done = spread(copy)

    assert 1 == done.returncode
    assert "rejected  half    failed accuracy" in done.stdout
    assert "compiled/half.py" not in written(copy)
    assert frozen["compiled/double.py"] == written(copy)["compiled/double.py"]


def test_a_part_that_ends_without_a_record_is_no_pass(copy):
    """Where a part cannot even begin, nothing is written and its words are shown."""
    done = spread(copy, "--pytest-args=--no-such-option")

    assert 2 == done.returncode
    assert "--no-such-option" in done.stderr
    assert {} == written(copy)


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="ray is not installed")
def test_ray_gives_what_one_run_gives(copy, frozen):
    """With `ray` on this machine, lock, artifacts and loader are the same bytes again."""
    done = spread(copy, "--backend", "ray", "--address", "local")

    assert 0 == done.returncode, done.stdout + done.stderr
    assert frozen == written(copy)
