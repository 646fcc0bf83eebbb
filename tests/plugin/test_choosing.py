"""What only the command line itself may choose."""

from __future__ import annotations

import pytest

from pytest_compiledai.choosing import SHOWING
from pytest_compiledai.choosing import asked_paths
from pytest_compiledai.choosing import refuse_showing


@pytest.mark.parametrize("flag", sorted(set(SHOWING.values()) - {"--help"}))
def test_no_setting_makes_a_locked_run_show_something_instead(pytester, flag) -> None:
    """It would end with 0 and nothing judged."""
    pytester.makeini(f"[pytest]\naddopts = {flag}\n")
    config = pytester.parseconfig("--compile-locked", "specs")

    with pytest.raises(pytest.UsageError, match=f"found {flag}, with which nothing is judged"):
        refuse_showing(config)


def test_a_setting_that_asks_for_help_ends_no_locked_run_with_0(pytester) -> None:
    """After it the rest of the command line is not even parsed."""
    pytester.makeini("[pytest]\naddopts = --help\n")

    result = pytester.runpytest_inprocess("--compile-frozen", "specs")

    assert result.ret == pytest.ExitCode.USAGE_ERROR


@pytest.mark.parametrize("given", [["--compile-locked", "--co"], ["--co"], ["--compile", "--co"]])
def test_a_user_may_look(pytester, given) -> None:
    """On the command line, and where nothing is judged anyway."""
    pytester.makeini("[pytest]\naddopts = -q\n")

    refuse_showing(pytester.parseconfig(*given))


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        (["--compile-locked"], [""]),
        (["--compile-locked", "other"], ["other"]),
        ([], ["quiet"]),
    ],
)
def test_testpaths_hide_nothing_from_a_run_without_a_path(pytester, given, asked) -> None:
    """A mode on the command line without a path asks for all that is frozen."""
    pytester.makeini("[pytest]\ntestpaths = quiet\n")
    pytester.mkdir("quiet")
    pytester.mkdir("other")

    assert asked_paths(pytester.parseconfig(*given)) == asked
