"""Progress of a unit that takes long."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace

from _pytest._io import TerminalWriter

from pytest_compiledai.terminal import Progress
from pytest_compiledai.terminal import progress


def test_a_unit_that_takes_long_is_told_with_its_gate_and_attempt() -> None:
    """A line comes every five seconds of one unit at the most; the next unit starts anew."""
    said: list[str] = []
    times = iter([0.0, 4.9, 5.0, 9.9, 61.2, 61.3, 66.4])
    progress = Progress(said.append, lambda: next(times))

    progress.at("one", "security", 1)
    progress.at("one", "syntax", 1)
    progress.at("one", "execution", 1)
    progress.at("one", "accuracy", 1)
    progress.at("one", "security", 2)
    progress.at("two", "security", 1)
    progress.at("two", "syntax", 1)

    assert said == [
        "one: execution, attempt 1, 5 s so far",
        "one: security, attempt 2, 61 s so far",
        "two: syntax, attempt 1, 5 s so far",
    ]


def test_a_line_of_progress_stands_below_the_dots(monkeypatch) -> None:
    """It begins a line of its own, and only where it does not yet."""
    screen = io.StringIO()
    monkeypatch.setattr(sys, "stderr", screen)
    writer = TerminalWriter(screen)
    plugins = {"terminalreporter": SimpleNamespace(_tw=writer)}
    config = SimpleNamespace(pluginmanager=SimpleNamespace(getplugin=plugins.get))

    writer.write("specs/a.yaml ..")
    progress(config, "one")
    progress(config, "two")
    writer.write(".")

    assert screen.getvalue() == "specs/a.yaml ..\ncompiledai: one\ncompiledai: two\n."
