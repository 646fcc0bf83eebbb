"""The plugins and selections our items must live with."""

from __future__ import annotations

import pytest

XDIST = [
    ("-n", "2", "--dist", "load"),
    ("-n", "2", "--dist", "loadscope"),
]


@pytest.fixture
def pair(project):
    """Two units."""
    return project.unit().unit("twice")


def runs_of_gates(project) -> list[str]:
    """Count how often each gate of each unit was asked, by a gate of the project's own."""
    return sorted(project.read("asked.txt").split())


COUNTING = """
from pathlib import Path
from pytest_compiledai import Verdict

class Counting:
    name = "counting"
    version = 1
    kinds = ("function",)

    def judge(self, unit, candidate, sandbox):
        with Path(__file__).with_name("asked.txt").open("a") as file:
            file.write(unit.name + "\\n")
        return Verdict(gate=self.name)

def pytest_compiledai_gates(config):
    return [Counting()]
"""


def counted(project) -> None:
    """Freeze two units, each gate counted."""
    project.pytester.makeconftest(COUNTING)
    project.unit().unit("twice").run("--compile", "specs")


@pytest.mark.parametrize("arguments", XDIST, ids=lambda a: a[-1])
def test_xdist_gives_the_same_lock_and_asks_each_gate_once(project, arguments):
    """However items are spread, the lock has the same bytes and no gate runs twice, in any mode."""
    pair = project.once("counted", counted)
    alone = pair.lock
    pair.thaw()
    (pair.root / "asked.txt").unlink()

    result = pair.run("--compile", "specs", *arguments)

    result.assert_outcomes(passed=16)
    assert alone == pair.lock
    assert ["double", "twice"] == runs_of_gates(pair)

    (pair.root / "asked.txt").unlink()
    pair.run("--compile-locked", "specs", *arguments).assert_outcomes(passed=16)
    assert ["double", "twice"] == runs_of_gates(pair)


def test_shuffled_items_give_the_same_lock(project):
    """pytest-randomly may reorder everything."""
    pair = project.frozen_pair()
    alone = pair.lock
    pair.thaw()

    pair.run("--compile", "specs", "-p", "randomly", "-p", "no:cacheprovider").assert_outcomes(
        passed=14
    )

    assert alone == pair.lock


def test_k_selects_a_unit_and_freezes_only_it(pair):
    """-k narrows to a unit; the other is neither asked nor frozen nor dropped."""
    pair.run("--compile", "specs", "-k", "twice").assert_outcomes(passed=7, deselected=7)
    assert '"double"' not in pair.lock

    pair.run("--compile", "specs", "-k", "double")

    assert '"double"' in pair.lock
    assert '"twice"' in pair.lock


def test_m_selects_a_gate(pair):
    """-m asks one gate of every unit; selecting any item runs the loop and freezes."""
    pair.run("--compile", "specs", "-m", "security").assert_outcomes(passed=2, deselected=12)

    assert '"double"' in pair.lock


def test_m_selects_a_kind(pair):
    """A kind's name is a marker too."""
    pair.run("--compile", "specs", "-m", "function").assert_outcomes(passed=14)


def test_a_node_id_selects_a_unit(pair):
    """file::unit is a node id of its own."""
    pair.run("--compile", "specs/twice.yaml::twice").assert_outcomes(passed=7)
    pair.run("--compile", "specs/twice.yaml::twice::fuzz").assert_outcomes(passed=1)


def test_last_failed_remembers_our_items(project):
    """--lf runs again what failed, by the node ids in the cache."""
    project.unit(code="def double(data: DoubleInput) -> DoubleOutput:\n    return {{'m': 1}}\n")
    project.run("--compile", "specs")

    result = project.run("--compile", "specs", "--lf")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*double::accuracy*"])


def test_stepwise_stops_at_the_first_failure(project):
    """--sw ends the run at the failing gate."""
    project.unit(code="def double(data: DoubleInput) -> DoubleOutput:\n    return {{'m': 1}}\n")

    result = project.run("--compile", "specs", "--sw")

    result.assert_outcomes(passed=4, failed=1)


@pytest.mark.parametrize("plugins", [("cacheprovider", "xdist"), ("terminalreporter",)])
def test_missing_neighbours_are_no_matter(project, plugins):
    """Without the cache and xdist, or the terminal, the unit is frozen all the same."""
    without = [part for name in plugins for part in ("-p", f"no:{name}")]
    project.unit().run("--compile", "specs", *without)

    assert '"double"' in project.lock


def test_autoload_can_be_off(project, monkeypatch):
    """The plugin works when it is named instead of found."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    project.unit()

    result = project.pytester.runpytest_subprocess(
        "-p", "pytest_compiledai.plugin", "--compile", "specs"
    )

    result.assert_outcomes(passed=7)


def test_timeouts_of_the_neighbour_do_not_disturb(project):
    """pytest-timeout may watch every item."""
    project.unit().run("--compile", "specs", "--timeout", "60").assert_outcomes(passed=7)


def test_two_runs_at_once_both_succeed(project):
    """Each run has its own store; the second writer merges into what the first wrote."""
    project.unit().unit("twice")
    import subprocess
    import sys

    base = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider"]
    runs = [
        subprocess.Popen(
            [*base, "--compile", f"specs/{name}.yaml"], cwd=project.root, stdout=subprocess.PIPE
        )
        for name in ("double", "twice")
    ]

    codes = [(run.communicate(timeout=120), run.returncode)[1] for run in runs]

    assert [0, 0] == codes
    assert '"double"' in project.lock
    assert '"twice"' in project.lock


def test_python_tests_beside_specs_run_too(project):
    """A run collects test files as ever."""
    project.unit()
    project.pytester.makepyfile(test_plain="def test_one(): pass")

    project.run("--compile").assert_outcomes(passed=8)


def test_junit_says_what_each_gate_found(project):
    """Each item carries unit, gate, outcome, the artifact's digest and the gate's plain figures."""
    project.unit().run("--compile", "specs", "--junitxml", "out.xml")
    again = project.run("--compile-locked", "specs", "-n", "1", "--junitxml", "locked.xml")

    assert again.ret == 0
    for path in ("out.xml", "locked.xml"):
        text = project.read(path)
        assert text.count('name="compiledai.unit" value="double"') == 7
        assert 'name="compiledai.gate" value="fuzz"' in text
        assert text.count('name="compiledai.outcome" value="passed"') == 7
        assert 'name="compiledai.artifact"' in text
        assert 'name="compiledai.figure.accuracy" value="1.0"' in text
