"""What a run says on the terminal: header, progress, the bill, the summary."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable
from collections.abc import Iterable
from typing import TYPE_CHECKING

from pytest_compiledai.summary import Line
from pytest_compiledai.summary import builtin_lines
from pytest_compiledai.summary import lock_lines
from pytest_compiledai.summary import remark_lines
from pytest_compiledai.summary import sandbox_lines
from pytest_compiledai.summary import total_lines
from pytest_compiledai.summary import unit_lines

if TYPE_CHECKING:
    import pytest

    from pytest_compiledai.controller import Controller
    from pytest_compiledai.run import Run


LONG_S = 5.0  # before a unit is worth a line of its own, and between two of them


def header(run: Run) -> list[str]:
    """Return the lines that pytest prints before collecting."""
    settings = run.settings
    model = settings.model or "none (replay)"
    return [f"compiledai: {settings.mode}, model {model}, out {run.relative(settings.out)}"]


def progress(config: pytest.Config, text: str) -> None:
    """Print a plain line on standard error at once, past pytest's capture, on a line of its own."""
    capture = config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
        reporter = config.pluginmanager.getplugin("terminalreporter")
        writer = getattr(reporter, "_tw", None)  # there is no public way to the line's width
        if writer is not None and writer.width_of_current_line:
            writer.write("\n", flush=True)  # the dots go on below
        print(f"compiledai: {text}", file=sys.stderr, flush=True)  # noqa: T201 - progress of long work


class Progress:
    """Says what a unit is at once it takes long: plain lines, for a terminal and for a log.

    pytest's own dots are enough for a quick unit, and a line that is redrawn would overwrite them.
    """

    def __init__(
        self, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._say = say
        self._clock = clock
        self._unit = ""
        self._since = 0.0
        self._said = 0.0

    def at(self, unit: str, gate: str, attempt: int) -> None:
        """Note that ``gate`` is about to judge an attempt of ``unit``."""
        now = self._clock()
        if unit != self._unit:
            self._unit, self._since, self._said = unit, now, now
        elif now - self._said >= LONG_S:
            self._said = now
            self._say(f"{unit}: {gate}, attempt {attempt}, {now - self._since:.0f} s so far")


def write_summary(reporter: pytest.TerminalReporter, controller: Controller) -> None:
    """Write the section of this plugin; with ``-q`` the totals alone."""
    if reporter.config.getoption("no_summary"):
        return
    verbosity = reporter.config.get_verbosity()
    results = controller.results()
    run = controller.run
    changed = controller.diff is not None and not controller.diff.is_empty
    if not (results or controller.notices or run.ignored or changed):
        return
    reporter.write_sep("=", "compiledai")
    if verbosity >= 0:
        _write(reporter, unit_lines(results, verbose=verbosity > 0))
        if run.ignored:
            names = ", ".join(sorted(run.ignored)[:3])
            text = f"{len(run.ignored)} YAML without `compiledai: 1` ignored: {names}"
            _write(reporter, [Line(text=text, dim=True)])
        _write(reporter, sandbox_lines(controller.sandboxes()))
    _write(reporter, total_lines(results, live=run.settings.live))
    if run.settings.mode.writes:
        _write(reporter, builtin_lines(results))
    if controller.diff is not None and verbosity >= 0:
        _write(reporter, lock_lines(controller.diff))
    if run.settings.mode.writes:
        units = run.selected.values()
        _write(reporter, remark_lines([remark for unit in units for remark in unit.remarks]))
    _write(reporter, [Line(text=notice, colour="yellow") for notice in controller.notices])


def _write(reporter: pytest.TerminalReporter, lines: Iterable[Line]) -> None:
    for line in lines:
        reporter.write_line(line.text, **line.markup)
