"""What a project's conftest can add, and what it cannot weaken."""

from __future__ import annotations

import json
import shutil
from types import SimpleNamespace

import pytest

from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.plug import OwnGate

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


def with_own_gate(project) -> None:
    """Freeze `double` through a gate of the project's own."""
    project.pytester.makeconftest(OWN_GATE.format(body="return Verdict(gate=self.name)"))
    project.unit().run("--compile", "specs").assert_outcomes(passed=8)


def test_a_project_adds_a_gate(project):
    """A gate of the project's own is an item after the built-in ones and stands in the lock."""
    project.once("own gate", with_own_gate)

    result = project.run("--compile", "--collect-only", "-q", "specs")

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


def test_a_projects_gate_fails_closed(project):
    """An exception is a failure."""
    project.pytester.makeconftest(OWN_GATE.format(body="raise RuntimeError('broken')"))

    project.unit().run("--compile", "specs").assert_outcomes(passed=7, failed=1)


@pytest.mark.parametrize("answer", [None, True, Verdict(gate="accuracy")])
def test_anything_but_a_verdict_of_the_gate_is_a_failure(answer):
    """A gate that answers otherwise has not answered."""
    gate = SimpleNamespace(name="short", judge=lambda *_: answer)
    bench = SimpleNamespace(sandbox=lambda: None)

    verdict = OwnGate(gate=gate).judge_safely(None, None, bench)

    assert not verdict.passed
    assert ("short", ["short.error"]) == (verdict.gate, [f.rule for f in verdict.findings])


@pytest.mark.parametrize("name", ["security", "fuzz", "compile", "drift"])
def test_a_built_in_gate_cannot_be_replaced(project, name):
    """A gate with a built-in name is a usage error before anything is judged."""
    project.pytester.makeconftest(
        OWN_GATE.format(body="return Verdict(gate=self.name)").replace('"short"', f'"{name}"')
    )

    result = project.unit().run("--compile", "specs")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "cannot replace built-in ones" in result.stderr.str()
    assert "Traceback" not in result.stdout.str() + result.stderr.str()
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
    project.once("own gate", with_own_gate)
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


LATE = {"specs/sub/conftest.py": OWN_GATE.format(body="return Verdict(gate=self.name)")}


def test_gates_that_come_too_late_are_a_usage_error(project):
    """A conftest that pytest meets after the first spec cannot add a gate that nobody would ask."""
    project.unit().unit(
        "triple", code="def triple(data: TripleInput) -> TripleOutput:\n    return {'m': 0}\n"
    )
    (project.root / "specs" / "sub").mkdir()
    for name, text in LATE.items():
        project.write(name, text)
    project.write("specs/sub/z.yaml", project.read("specs/triple.yaml").replace("triple", "z"))

    result = project.run("--compile")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "expected them in the conftest.py of the root" in result.stderr.str()
    assert not (project.root / "compiledai.lock").exists()


def test_the_gates_of_a_kind_are_markers(project):
    """A kind's own gate is an item, whose marker --strict-markers has to know."""
    project.pytester.makeconftest(
        """
        class Mine:
            name = "mine"
            gates = ("security", "syntax", "execution", "taste")

        def pytest_compiledai_kinds(config):
            return [Mine()]
        """
    )

    result = project.unit().run("--compile", "--markers")

    result.stdout.fnmatch_lines(["@pytest.mark.taste: gate of the kind mine"])


WRONG = "def double(data: DoubleInput) -> DoubleOutput:\n    return {'m': 3 * data['n']}\n"
#: Ways of a conftest to make a failed gate look passed, or to have it not asked at all.
TRICKS = {
    "report": """
        import pytest
        @pytest.hookimpl(wrapper=True, tryfirst=True)
        def pytest_runtest_makereport(item):
            report = yield
            report.outcome = "passed"
            return report
    """,
    "call": """
        import pytest
        @pytest.hookimpl(tryfirst=True)
        def pytest_pyfunc_call(pyfuncitem):
            return True if pyfuncitem.name in ("accuracy", "fuzz") else None
    """,
    "skip": """
        import pytest
        def pytest_collection_modifyitems(items):
            for item in items:
                if item.name in ("accuracy", "fuzz"):
                    item.add_marker(pytest.mark.skip(reason="later"))
    """,
    "drop": """
        def pytest_collection_modifyitems(items):
            items[:] = [item for item in items if item.name not in ("accuracy", "fuzz")]
    """,
    "finish": """
        import pytest
        @pytest.hookimpl(trylast=True)
        def pytest_collection_finish(session):
            session.items[:] = [i for i in session.items if i.name not in ("accuracy", "fuzz")]
    """,
}


@pytest.fixture
def wrong(frozen):
    """Return a project whose frozen artifact does not answer its golden rows any more."""
    rows = [{"id": f"r{n}", "input": {"n": n}, "output": {"m": 3 * n}} for n in range(80)]
    frozen.write("specs/double.jsonl", "".join(f"{json.dumps(row)}\n" for row in rows))
    return frozen


@pytest.mark.parametrize("trick", sorted(TRICKS))
def test_no_trick_of_a_conftest_makes_locked_mode_pass(wrong, trick):
    """A failed gate that no report shows, and a gate that was not asked, end the run with 1."""
    wrong.pytester.makeconftest(TRICKS[trick])

    result = wrong.run("--compile-frozen", "specs", "--no-summary")

    assert result.ret == pytest.ExitCode.TESTS_FAILED, result.stdout.str()
    result.stderr.fnmatch_lines(["*this run: found *next: look for hooks*"])


@pytest.mark.parametrize("trick", ["report"])
def test_no_trick_of_a_conftest_freezes_what_failed(project, trick):
    """Freezing rests on the store's verdicts: reports and items have no say."""
    project.pytester.makeconftest(TRICKS[trick])

    project.unit(code=WRONG).run("--compile", "specs")

    assert not (project.root / "compiledai.lock").exists()
    assert not (project.root / "compiled").exists()


def test_tricks_fail_distributed_runs_too(wrong):
    """Workers collect and report; the controller compares with the store all the same."""
    wrong.pytester.makeconftest(TRICKS["drop"])

    result = wrong.run("--compile-frozen", "specs", "-n", "2")

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "out of the run" in result.stdout.str()


@pytest.mark.parametrize("choice", [["-k", "syntax"]])
def test_what_a_user_chooses_is_no_trick(frozen, choice):
    """A part of the items, chosen on the command line, passes as before."""
    assert frozen.run("--compile-locked", "specs", *choice).ret == pytest.ExitCode.OK


def test_a_setting_takes_no_gate_out_of_a_locked_run(project) -> None:
    """What `addopts` leaves out was chosen by nobody who looks at the run: it fails."""
    project.frozen()
    for setting, said in (
        ("-m 'not fuzz'", "*took specs/double.yaml::double::fuzz out of the run*"),
        ("--ignore=specs/double.yaml", "*specs/double.yaml: found a spec of double*not collected*"),
    ):
        project.pytester.makeini(f"[pytest]\naddopts = {setting}\n")

        result = project.run("--compile-locked", "specs")

        assert result.ret not in (pytest.ExitCode.OK, pytest.ExitCode.INTERRUPTED)
        result.stdout.fnmatch_lines([said])


def test_a_setting_takes_no_part_out_of_this_plugin(frozen) -> None:
    """Without the part that collects, a run with other tests would pass."""
    frozen.pytester.makeini("[pytest]\naddopts = -p no:compiledai-session\n")

    result = frozen.run("--compile-locked", "specs")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "found a run without a part that judges" in result.stderr.str()


def test_a_configuration_beside_the_specs_makes_no_other_root(frozen) -> None:
    """It would have another lock and other artifacts judged than those that production loads."""
    frozen.write("specs/pytest.ini", "[pytest]\ncompiledai_sandbox = native\n")
    shutil.copytree(frozen.root / "compiled", frozen.root / "specs" / "compiled")
    frozen.write("specs/compiledai.lock", frozen.lock.replace("specs/double.yaml", "double.yaml"))

    result = frozen.run("--compile-frozen", "specs", "-k", "compile")

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*/specs: found the root of this run*compiledai.lock*double*"])


def test_no_hook_ends_a_failed_run_with_0(frozen) -> None:
    """A conftest that sets the exit status of a locked run is overruled, and told of."""
    frozen.write("compiled/double.py", "x = 1\n")
    frozen.pytester.makeconftest(
        """
        def pytest_sessionfinish(session):
            session.exitstatus = 0
        """
    )

    result = frozen.run("--compile-locked", "specs", "-k", "compile")

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stderr.fnmatch_lines(["*this run: found reports that passed*"])
