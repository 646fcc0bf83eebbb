"""What a project's conftest can add, and what it cannot weaken."""

from __future__ import annotations

import pytest

OWN_GATE = """
from pytest_compiledai import Finding, Verdict

class Short:
    name = "short"
    version = 1
    kinds = ("function",)

    def judge(self, unit, candidate, sandbox):
        (text,) = candidate.files.values()
        {body}

def pytest_compiledai_gates(config):
    return [Short()]
"""


def test_a_project_adds_a_gate(project):
    """A gate of the project's own is an item after the built-in ones and stands in the lock."""
    project.pytester.makeconftest(OWN_GATE.format(body="return Verdict(gate=self.name)"))

    result = project.unit().run("--compile", "specs", "-v")

    result.assert_outcomes(passed=8)
    result.stdout.fnmatch_lines(["*double::fuzz*", "*double::short*"])
    assert '"short@1"' in project.lock


def test_a_projects_gate_can_reject(project):
    """A finding of the project's own gate keeps the unit from being frozen."""
    finding = (
        'return Verdict(gate=self.name, findings=(Finding(rule="short.x", message="too long"),))'
    )
    project.pytester.makeconftest(OWN_GATE.format(body=finding))

    result = project.unit().run("--compile", "specs")

    result.assert_outcomes(passed=7, failed=1)
    assert not (project.root / "compiledai.lock").exists()


@pytest.mark.parametrize("body", ["raise RuntimeError('broken')", "return None", "return True"])
def test_a_projects_gate_fails_closed(project, body):
    """An exception, or anything but a verdict, is a failure."""
    project.pytester.makeconftest(OWN_GATE.format(body=body))

    project.unit().run("--compile", "specs").assert_outcomes(passed=7, failed=1)


@pytest.mark.parametrize("name", ["security", "fuzz", "compile", "drift"])
def test_a_built_in_gate_cannot_be_replaced(project, name):
    """A gate with a built-in name is a usage error before anything is judged."""
    project.pytester.makeconftest(
        OWN_GATE.format(body="return Verdict(gate=self.name)").replace('"short"', f'"{name}"')
    )

    result = project.unit().run("--compile", "specs")

    assert result.ret != 0
    assert "cannot replace built-in ones" in result.stdout.str() + result.stderr.str()
    assert not (project.root / "compiledai.lock").exists()


def test_a_built_in_kind_cannot_be_replaced(project):
    """A kind with a built-in name is a usage error."""
    project.pytester.makeconftest(
        """
        class Mine:
            name = "function"

        def pytest_compiledai_kinds(config):
            return [Mine()]
        """
    )

    result = project.unit().run("--compile", "specs")

    assert result.ret != 0
    assert "function exists already" in result.stdout.str() + result.stderr.str()


def test_removing_a_gate_later_makes_the_entry_stale(project):
    """The lock lists the gates an artifact passed."""
    project.pytester.makeconftest(OWN_GATE.format(body="return Verdict(gate=self.name)"))
    project.unit().run("--compile", "specs")
    (project.root / "conftest.py").unlink()

    result = project.run("--compile-locked", "specs")

    result.stdout.fnmatch_lines(["*stale*gates*"])


def test_a_conftest_cannot_drop_items_of_a_gate_silently(project):
    """Deselecting an item leaves the loop whole: the unit is judged by every gate all the same."""
    project.pytester.makeconftest(
        """
        def pytest_collection_modifyitems(items):
            items[:] = [item for item in items if item.name != "accuracy"]
        """
    )
    project.unit(code="def double(data: DoubleInput) -> DoubleOutput:\n    return {{'m': 1}}\n")

    project.run("--compile", "specs")

    assert not (project.root / "compiledai.lock").exists()


def test_a_kind_without_the_safety_gates_is_refused(project):
    """No kind can leave out security, syntax or execution."""
    project.pytester.makeconftest(
        """
        class Loose:
            name = "loose"
            gates = ("accuracy",)

        def pytest_compiledai_kinds(config):
            return [Loose()]
        """
    )

    result = project.unit().run("--compile", "specs")

    assert result.ret != 0
    assert "which no kind can leave out" in result.stdout.str() + result.stderr.str()
