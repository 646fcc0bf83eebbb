"""`--compile`: what it collects, freezes and says."""

from __future__ import annotations

import pytest


def test_a_spec_goes_through_its_gates_and_is_frozen(project):
    """Each gate is an item; the artifact and its entry are written."""
    result = project.unit().run("--compile", "specs")

    result.assert_outcomes(passed=7)
    result.stdout.fnmatch_lines(["frozen*double*6/6 gates*", "1 frozen, 0 renewed*"])
    assert '[artifact."double"]' in project.lock
    assert "def double" in project.read("compiled/double.py")


def test_node_ids_are_plain(project):
    """Items are called file::unit::gate, in the order of the gates."""
    result = project.unit().run("--compile", "--collect-only", "-q", "specs")

    gates = ["compile", "security", "syntax", "execution", "accuracy", "latency", "fuzz"]
    result.stdout.fnmatch_lines([f"specs/double.yaml::double::{gate}" for gate in gates])


def test_collecting_writes_nothing(project):
    """`--collect-only` leaves no artifact and no lock."""
    project.unit().run("--compile", "--collect-only", "specs")

    assert not (project.root / "compiled").exists()
    assert not (project.root / "compiledai.lock").exists()


def test_a_second_run_finds_it_unchanged(project):
    """What is fresh is judged again and nothing is rewritten."""
    project.frozen()
    before = project.lock

    assert {"double": "unchanged"} == project.outcomes("--compile", "specs")
    assert before == project.lock


def test_two_compiles_give_equal_bytes(project):
    """Artifact and lock depend on nothing but the inputs."""
    project.frozen()
    first = project.lock, project.read("compiled/double.py")
    project.thaw()

    project.run("--compile", "specs")

    assert first == (project.lock, project.read("compiled/double.py"))


def test_a_wrong_candidate_is_rejected_with_the_row(project):
    """The accuracy gate names the row, both values and one next command; nothing is frozen."""
    project.unit(
        code="""\
        def double(data: DoubleInput) -> DoubleOutput:
            return {{"m": 3 * data["n"]}}
        """
    )
    result = project.run("--compile", "specs")

    assert result.ret == 1
    result.stdout.fnmatch_lines(["specs/double.jsonl:* m: expected *, got *", "next: *double*"])
    assert not (project.root / "compiledai.lock").exists()


def test_later_gates_are_skipped_in_one_line_each(project):
    """One cause is one failure: the gates after it are skipped with its name."""
    project.unit(
        code="""\
        import os


        def double(data: DoubleInput) -> DoubleOutput:
            return {{"m": 2 * data["n"] + len(os.environ)}}
        """
    )
    result = project.run("--compile", "specs", "-rs")

    result.assert_outcomes(passed=1, failed=1, skipped=5)
    result.stdout.fnmatch_lines(["*SKIPPED*security gate failed*"])


def test_one_bad_spec_does_not_stop_the_others(project):
    """A spec that cannot be read is an error; the other is frozen all the same."""
    project.unit()
    project.write("specs/bad.yaml", "compiledai: 1\nkind: function\nname: Bad\n")

    result = project.run("--compile", "specs")

    result.assert_outcomes(passed=7, errors=1)
    result.stdout.fnmatch_lines(["*specs/bad.yaml:3: found the name 'Bad'; expected *"])


def test_other_yaml_is_counted(project):
    """YAML without the header is ignored and named in the summary, where the run was asked to look."""
    project.unit()
    project.write("specs/other.yaml", "a: 1\n")
    project.write("action.yml", "a: 1\n")

    result = project.run("--compile", "specs")

    result.stdout.fnmatch_lines(["1 YAML without*specs/other.yaml"])


def test_other_yaml_named_is_an_error(project):
    """A file that the command line names must be a spec."""
    project.unit()
    project.write("specs/other.yaml", "a: 1\n")

    result = project.run("--compile", "specs/other.yaml")

    assert result.ret != 0
    result.stdout.fnmatch_lines(["*specs/other.yaml:1: found *"])


def test_a_name_used_twice_is_an_error(project):
    """Unit names are unique across the run."""
    project.unit()
    project.write("specs/twin.yaml", project.read("specs/double.yaml"))

    result = project.run("--compile", "specs")

    result.stdout.fnmatch_lines(["*found the name double, which specs/double.yaml:* has already*"])


def test_without_the_flag_a_hint_is_given(project):
    """`pytest specs/x.yaml` asks whether --compile was meant."""
    result = project.unit().run("specs/double.yaml")

    result.stderr.fnmatch_lines(
        ["*did you mean --compile? try: pytest --compile specs/double.yaml"]
    )


def test_nothing_heavy_is_loaded_without_the_flag(project):
    """A plain run loads options and markers and nothing else of this package."""
    project.pytester.makepyfile(
        test_plain="""
        import sys

        def test_modules():
            heavy = {"yaml", "filelock", "litellm", "hypothesis", "bandit", "mypy", "docker", "asyncio"}
            ours = {m for m in sys.modules if m.startswith("pytest_compiledai")}
            assert ours <= {
                "pytest_compiledai", "pytest_compiledai.plugin", "pytest_compiledai.options",
                "pytest_compiledai.hooks",
            }
            assert not heavy & set(sys.modules)
        """
    )
    result = project.run(
        "test_plain.py", "-p", "no:hypothesispytest", "-p", "no:xdist", "-p", "no:anyio"
    )

    result.assert_outcomes(passed=1)


def test_a_function_needs_no_other_kind_and_none_of_their_packages(project):
    """It is frozen where what other extras bring is not installed, and no other kind is loaded."""
    project.pytester.makeconftest(
        """
        import sys

        sys.modules |= dict.fromkeys(("networkx", "numpy", "polars", "sklearn", "torch"))

        def pytest_sessionfinish(session):
            others = ("workflows", "kernels", "dialogues", "distill")
            assert not {f"pytest_compiledai.{name}" for name in others} & set(sys.modules)
        """
    )
    result = project.unit().run("--compile", "specs")

    result.assert_outcomes(passed=7)
    assert 0 == result.ret, result.stdout.str()


def test_what_is_unchanged_is_grey_where_colour_is_forced(project):
    """The golden files of the terminal hold every other line."""
    said = project.frozen().run("--compile", "--color=yes", "specs").stdout.str()

    assert "\x1b[37munchanged" in said


@pytest.mark.parametrize("option", ["--compile-model=m", "--compile-attempts"])
def test_an_option_without_a_mode_says_so(project, option):
    """It would be in vain, and the run would judge nothing."""
    arguments = [option] if "=" in option else [option, "2"]

    result = project.unit().run(*arguments, "specs")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*found a run that compiles nothing;*next: pytest --compile *"])


def test_an_option_in_addopts_is_no_error_of_a_plain_run(project):
    """It waits for the runs that compile."""
    project.write("pytest.ini", "[pytest]\naddopts = --compile-out=build\n")
    project.write("test_plain.py", "def test_plain(): pass\n")

    project.run("test_plain.py").assert_outcomes(passed=1)


@pytest.mark.parametrize("workers", [(), ("-n1",)])
def test_a_bound_that_cannot_be_kept_is_a_usage_error(project, monkeypatch, workers):
    """A model without a price and a bound in dollars end the run before anything is asked."""
    monkeypatch.setenv("OPENAI_API_BASE", "http://127.0.0.1:9/v1")
    project.unit()
    spec = project.read("specs/double.yaml").replace("candidate: double.py", "")
    project.write("specs/double.yaml", spec)

    bound = ("--compile-model", "bridge/nobody", "--compile-budget-usd", "1")
    result = project.run("--compile", *bound, *workers, "specs")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    said = result.stdout.str() + result.stderr.str()
    assert "found no known price of bridge/nobody" in said
    assert "INTERNALERROR" not in said
