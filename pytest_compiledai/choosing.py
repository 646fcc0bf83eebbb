"""What the command line itself chose, as opposed to settings and variables of the environment.

What stands in ``addopts`` or in ``PYTEST_ADDOPTS`` was chosen by nobody who looks at a run: it may
not take a gate's item out of it, nor end a locked run before anything was judged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_compiledai.options import OPTIONS

if TYPE_CHECKING:
    import argparse

#: Options of pytest by which a user chooses items; without them every gate item has to run.
SELECTING = ("keyword", "markexpr", "deselect", "lf", "stepwise")
#: Options by which a user leaves files out.
LEAVING_OUT = ("ignore", "ignore_glob", "lf")
#: Options with which pytest shows something, judges nothing and ends with 0.
SHOWING = {
    "collectonly": "--collect-only",
    "help": "--help",
    "version": "--version",
    "markers": "--markers",
    "showfixtures": "--fixtures",
    "show_fixtures_per_test": "--fixtures-per-test",
    "cacheshow": "--cache-show",
}


def chosen(config: pytest.Config) -> list[str]:
    """Return the options of the command line that choose items or leave files out."""
    given = _given(config)
    return [name for name in {*SELECTING, *LEAVING_OUT} if getattr(given, name, None)]


def asked_paths(config: pytest.Config) -> list[str]:
    """Return the paths that a run was asked for, as texts relative to where it was started.

    A command line that names a mode and no path asks for everything below that folder, whatever
    ``testpaths`` says.
    """
    given = _given(config)
    if given.file_or_dir or not any(getattr(given, option.dest) for option in OPTIONS):
        return [argument.partition("::")[0] for argument in config.args]
    return [""]


def refuse_showing(config: pytest.Config) -> None:
    """Raise ``UsageError`` where a setting has a run that judges show something instead."""
    if {"-h", "--help"}.intersection(map(str, config.invocation_params.args)):
        return  # parsing stops there
    given = _given(config)
    modes = [
        option for option in OPTIONS if option.flag in ("--compile-locked", "--compile-frozen")
    ]
    if not any(getattr(given, mode.dest) or config.getini(mode.setting) for mode in modes):
        return
    for name, flag in SHOWING.items():
        if getattr(config.option, name, None) and not getattr(given, name, None):
            raise pytest.UsageError(
                f"addopts or PYTEST_ADDOPTS: found {flag}, with which nothing is judged; expected "
                "it on the command line only; next: look at the pytest configuration"
            )


def _given(config: pytest.Config) -> argparse.Namespace:
    arguments = [str(argument) for argument in config.invocation_params.args]
    return config._parser.parse_known_args(arguments)  # noqa: SLF001 - there is no public way
