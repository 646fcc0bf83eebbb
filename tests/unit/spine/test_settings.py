"""What a run was asked to do, from the command line and from the configuration."""

from __future__ import annotations

from decimal import Decimal

import pytest

from pytest_compiledai.core.errors import SettingsError
from pytest_compiledai.options import OPTIONS
from pytest_compiledai.options import is_active
from pytest_compiledai.settings import Mode
from pytest_compiledai.settings import read_settings


@pytest.fixture
def read(pytester: pytest.Pytester):
    """Return a function that reads the settings of a command line over an ini file."""

    def read(*arguments: str, ini: str = ""):
        pytester.makeini(f"[pytest]\n{ini}\n")
        return read_settings(pytester.parseconfig(*arguments))

    return read


def test_defaults(read, pytester):
    """Without anything said a run replays, writes to ``compiled/`` and grants nothing."""
    settings = read("--compile")

    assert settings.mode is Mode.COMPILE
    assert (settings.model, settings.record, settings.live) == (None, "none", False)
    assert settings.out == pytester.path / "compiled"
    assert settings.lock == pytester.path / "compiledai.lock"
    assert (settings.recordings, settings.attempts, settings.sandbox) == (None, None, "auto")
    assert (settings.budget_tokens, settings.budget_usd) == (None, None)
    assert (settings.reports, settings.grants, settings.prune) == ((), {}, False)


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.flag)
def test_every_option_has_a_setting(pytester, option):
    """`--compile-x-y` can be said as `compiledai_x_y` in the configuration."""
    tail = option.flag.removeprefix("--compile").removeprefix("-").replace("-", "_")
    assert option.setting == f"compiledai_{tail or 'compile'}"

    word = "true" if option.kind == "flag" else "7"
    pytester.makeini(f"[pytest]\n{option.setting} = {word}\n")

    assert pytester.parseconfig().getini(option.setting) in (True, "7", ["7"])


@pytest.mark.parametrize("option", [o for o in OPTIONS if o.kind == "flag"], ids=lambda o: o.flag)
def test_every_mode_implies_compile(pytester, option):
    """Each flag alone makes a run compile; none does not."""
    assert is_active(pytester.parseconfig(option.flag))
    assert not is_active(pytester.parseconfig())


@pytest.mark.parametrize(
    "image", ["python", "python:3.12", "python@sha256:12", "@sha256:" + "0" * 64]
)
def test_an_image_that_is_not_pinned_is_refused(read, image):
    """The image of the docker sandbox is named by its digest, or not at all."""
    with pytest.raises(SettingsError, match=r"compiledai_docker_image: found .*; next: docker"):
        read(ini=f"compiledai_docker_image = {image}")


def test_a_pinned_image_is_taken(read):
    """A digest says which image is meant, whatever registry it came from."""
    image = f"registry.example:5000/library/python@sha256:{'0f' * 32}"

    assert read(ini=f"compiledai_docker_image = {image}").docker_image == image


def test_the_command_line_goes_over_the_configuration(read):
    """What is typed wins."""
    settings = read("--compile-attempts", "5", ini="compiledai_attempts = 2")

    assert settings.attempts == 5


def test_a_setting_is_taken_where_nothing_is_typed(read):
    """The configuration holds what a project always wants."""
    ini = "compiledai_model = bridge/x\ncompiledai_budget_usd = 2.50\ncompiledai_recordings = rec"

    settings = read("--compile", ini=ini)

    assert (settings.model, settings.record, settings.live) == ("bridge/x", "missing", True)
    assert settings.budget_usd == Decimal("2.50")
    assert settings.recordings == settings.root / "rec"


@pytest.mark.parametrize("mode", ["locked", "frozen"])
def test_locked_modes_know_no_model(read, mode):
    """A model of the configuration is left alone; one that is typed is a contradiction."""
    assert not read(f"--compile-{mode}", ini="compiledai_model = bridge/x").live
    with pytest.raises(SettingsError, match="this mode never asks one"):
        read(f"--compile-{mode}", "--compile-model", "bridge/x")


@pytest.mark.parametrize(
    ("mode", "writes"),
    [("compile", True), ("update", True), ("accept", True), ("locked", False), ("frozen", False)],
)
def test_which_modes_write(mode, writes):
    """Locked and frozen mode change nothing."""
    assert Mode(mode).writes is writes


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--compile-locked", "--compile-frozen"], "--compile-locked and --compile-frozen"),
        (["--compile-prune", "--compile-locked"], "a mode that may write"),
        (["--compile-record", "missing"], "found no model"),
        (["--compile-record", "all"], "found no model"),
        (["--compile-out", ".."], "a folder below the root"),
        (["--compile-out", "."], "a folder below the root"),
        (["--compile-out", "/elsewhere"], "a folder below the root"),
        (["--compile-attempts", "0"], "a whole number of at least 1"),
        (["--compile-attempts", "2.5"], "a whole number of at least 1"),
        (["--compile-budget-tokens", "-1"], "a whole number of at least 1"),
        (["--compile-budget-usd", "0"], "an amount above 0"),
        (["--compile-budget-usd", "NaN"], "an amount above 0"),
        (["--compile-budget-usd", "lots"], "an amount above 0"),
        (["--compile-report", "report.txt"], "a path that ends in"),
        (["--compile-drift", "calls.csv"], "a file that ends in .jsonl"),
    ],
)
def test_what_cannot_be_meant_is_refused(read, arguments, message):
    """Each contradiction and each odd value is an error that says what was expected."""
    with pytest.raises(SettingsError, match=message):
        read("--compile", *arguments)


def test_a_recording_mode_of_the_configuration_is_checked(read):
    """The configuration knows no choices, so the reader does."""
    with pytest.raises(SettingsError, match="none, missing or all"):
        read("--compile", ini="compiledai_record = sometimes\ncompiledai_model = bridge/x")


def test_record_none_with_a_model_is_not_live(read):
    """A model may be named to choose among recordings without being asked."""
    settings = read("--compile-model", "bridge/x", "--compile-record", "none")

    assert (settings.model, settings.live) == ("bridge/x", False)


def test_grants_are_read_a_line_each(read):
    """A unit has what all have and what its own lines say."""
    ini = "compiledai_grants =\n    *: clock\n    a: random, module:zoneinfo\n    a: call:rates"

    grants = read("--compile", ini=ini).grants

    assert grants == {
        "*": frozenset({"clock"}),
        "a": frozenset({"random", "module:zoneinfo", "call:rates"}),
    }


@pytest.mark.parametrize("line", ["clock", "Bad: clock", "a:", ": clock"])
def test_a_grant_that_names_nobody_is_refused(read, line):
    """A line that cannot be read grants nothing and stops the run."""
    with pytest.raises(SettingsError, match="compiledai_grants"):
        read("--compile", ini=f"compiledai_grants =\n    {line}")


def test_without_a_configuration_file_the_root_is_where_the_command_was_given(pytester):
    """Artifacts do not land in the folder of the specs because pytest took it for its root."""
    (pytester.path / "specs").mkdir()
    (pytester.path / "specs" / "setup.py").touch()  # pytest takes its folder for the root

    settings = read_settings(pytester.parseconfig("--compile", "specs"))

    assert settings.root == pytester.path
