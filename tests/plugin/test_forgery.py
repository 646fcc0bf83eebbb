"""What a hostile tree may hold changes no verdict: marks, hooks, caches, reports, recordings."""

from __future__ import annotations

import json
import re

import pytest

from pytest_compiledai.cli import main

WRONG = "def {name}(data: {type}Input) -> {type}Output:\n    return {{'m': 1}}\n"
REWRITE = """
import pytest

@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    outcome.get_result().outcome = "passed"
"""
MARK = """
import pytest

def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker({mark})
"""


@pytest.mark.parametrize(
    "conftest",
    [
        REWRITE,
        MARK.format(mark="pytest.mark.skip(reason='later')"),
        MARK.format(mark="pytest.mark.xfail(reason='known')"),
        MARK.format(mark="pytest.mark.skipif(True, reason='no')"),
    ],
    ids=["rewritten reports", "skip", "xfail", "skipif"],
)
@pytest.mark.parametrize("mode", ["--compile", "--compile-locked"])
def test_a_conftest_makes_no_green_run_of_a_red_one(project, conftest, mode):
    """An item whose report is not its own fails the run, and nothing is frozen."""
    project.unit(code=WRONG).pytester.makeconftest(conftest)

    result = project.run(mode, "specs")

    assert pytest.ExitCode.TESTS_FAILED == result.ret
    assert "next: look for marks and hooks in conftest.py" in result.stdout.str()
    assert not (project.root / "compiledai.lock").exists()


def test_planted_caches_and_reports_change_nothing(project, monkeypatch):
    """Nothing that lies in the tree, or that the environment names, is taken for a verdict."""
    good = {"version": 1, "units": [{"id": "specs/double.yaml::double", "outcome": "frozen"}]}
    project.unit(code=WRONG)
    for path in ("report.json", "compiled/.next/results.json", ".compiledai/units/double"):
        (project.root / path).parent.mkdir(parents=True, exist_ok=True)
        project.write(path, json.dumps(good))
    cache = {"specs/double.yaml::double::accuracy": False}
    (project.root / ".pytest_cache/v/cache").mkdir(parents=True)
    project.write(".pytest_cache/v/cache/lastfailed", json.dumps(cache))
    monkeypatch.setenv("COMPILEDAI_STORE", str(project.root / ".compiledai"))

    result = project.run("--compile", "specs")

    assert pytest.ExitCode.TESTS_FAILED == result.ret
    assert not (project.root / "compiledai.lock").exists()


@pytest.fixture
def first(project):
    """Return a project with the first spec, and the texts of its recorded proposal."""
    assert 0 == main(["--root", str(project.root), "init"])
    (project.root / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    return project


def edit(project, change) -> None:
    """Change the text of every recorded proposal, as a hand in the repository would."""
    folder = project.root / "specs" / "recordings"
    paths = [path for path in folder.glob("*.json") if "reference" not in path.name]
    edited = 0
    for path in paths:
        data = json.loads(path.read_text(encoding="utf-8"))
        lines = data["reply"]["text"]
        text = "\n".join(lines) if isinstance(lines, list) else lines
        if "```python" not in text:
            continue
        data["reply"]["text"] = change(text).split("\n")
        path.write_text(json.dumps(data), encoding="utf-8")
        edited += 1
    assert edited


@pytest.mark.parametrize(
    ("change", "gate"),
    [
        (lambda text: text.replace("```python\n", "```python\nimport os\n", 1), "security"),
        (
            lambda text: re.sub(r"return \{", "return {**{'seconds': 1}} or {", text),
            "accuracy",
        ),
    ],
    ids=["hostile", "wrong"],
)
def test_an_edited_recording_passes_all_gates_again(first, change, gate):
    """An answer is addressed by its request, so whoever edits it meets the gates."""
    edit(first, change)

    result = first.run("--compile", "specs")

    assert pytest.ExitCode.TESTS_FAILED == result.ret
    assert re.search(rf"rejected\s+parse_duration\s+failed {gate}", result.stdout.str())
    assert not (first.root / "compiledai.lock").exists()


def test_a_recording_of_another_request_is_refused(first):
    """The request in the file has to be the one that its name addresses."""
    folder = first.root / "specs" / "recordings"
    for path in folder.glob("*.json"):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("duration", "distance"), encoding="utf-8")

    result = first.run("--compile", "specs")

    assert pytest.ExitCode.TESTS_FAILED == result.ret
    assert not (first.root / "compiledai.lock").exists()
