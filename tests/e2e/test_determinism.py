"""Two compiles of the shipped examples from their recordings give equal bytes.

The second one runs elsewhere: another folder, hash seed, time zone and locale, the items shuffled
and spread over two workers, and in a container where an engine answers.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def compiled(folder: Path, *arguments: str, **environ: str) -> Path:
    """Compile the examples in a copy of their own, without a model, and return its root."""
    root = folder / "project"
    shutil.copytree(ROOT / "examples" / "function", root / "examples" / "function")
    shutil.copytree(ROOT / "fixtures", root / "fixtures")
    (root / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    reports = ("--compile-report", "report.json", "--compile-report", "report.md")
    plugins = ("cacheprovider", "anyio", "hypothesispytest")  # others' imports, one second a run
    report = (*reports, *(part for name in plugins for part in ("-p", f"no:{name}")))
    command = ("-m", "pytest", "-q", "--compile", "examples/function", *report, *arguments)
    subprocess.run(
        [sys.executable, *command],
        cwd=root,
        env=os.environ | environ,
        stdout=subprocess.DEVNULL,
        timeout=300,
        check=False,  # the reports say what failed, and a test asks them
    )
    return root


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return the roots of two compiles."""
    native = ("--compile-sandbox", "native")
    one = compiled(tmp_path_factory.mktemp("one"), "-p", "no:randomly", *native, PYTHONHASHSEED="1")
    elsewhere = {"PYTHONHASHSEED": "77", "TZ": "Pacific/Kiritimati", "LC_ALL": "C"}
    shuffled = ("--randomly-seed", "77") if importlib.util.find_spec("pytest_randomly") else ()
    two = compiled(tmp_path_factory.mktemp("another-place"), "-n", "2", *shuffled, **elsewhere)
    return [one, two]


def report_of(root: Path) -> dict[str, Any]:
    """Return the report without what was measured."""
    document = json.loads((root / "report.json").read_bytes())
    for unit in document["units"]:
        unit["gates"].get("latency", {}).pop("figures", None)
    return document


def files_of(root: Path) -> dict[str, bytes]:
    folder = root / "compiled"
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_every_shipped_example_freezes(roots: list[Path]) -> None:
    """A newcomer's first compile, and its replay elsewhere, end without a failure."""
    shipped = {path.stem for path in (ROOT / "examples" / "function").glob("*.yaml")}
    for root in roots:
        units = json.loads((root / "report.json").read_bytes())["units"]

        assert dict.fromkeys(shipped, "frozen") == {
            unit["id"].rpartition("::")[2]: unit["outcome"] for unit in units
        }


def test_artifacts_are_equal_bytes(roots: list[Path]) -> None:
    """What production loads depends on specs and recordings alone."""
    one, two = (files_of(root) for root in roots)

    assert one == two


def test_locks_are_equal_bytes(roots: list[Path]) -> None:
    """No time, host, order or path enters the lock."""
    one, two = ((root / "compiledai.lock").read_bytes() for root in roots)

    assert one == two


def test_the_runs_were_in_the_sandboxes_that_the_reports_name(roots: list[Path]) -> None:
    """The first run was native; the other one in docker, or its report says why not."""
    one, two = ((root / "report.md").read_text(encoding="utf-8") for root in roots)

    assert "sandbox native: " in one
    assert "sandbox docker: " in two or "docker sandbox: " in two


def test_reports_are_equal_but_for_what_was_measured(roots: list[Path]) -> None:
    """Outcomes, findings, figures and tokens are the same to the digit."""
    one, two = (report_of(root) for root in roots)

    assert one == two


def test_reports_have_their_keys_in_one_order(roots: list[Path]) -> None:
    """Text for text, not only value for value."""
    one, two = (json.dumps(report_of(root)) for root in roots)

    assert one == two


def test_a_compile_changes_no_recording(roots: list[Path]) -> None:
    """Replaying reads; what was recorded stays as it was."""
    shipped = ROOT / "examples" / "function" / "recordings"
    for root in roots:
        copies = root / "examples" / "function" / "recordings"
        assert {p.name: p.read_bytes() for p in copies.iterdir()} == {
            p.name: p.read_bytes() for p in shipped.iterdir()
        }
