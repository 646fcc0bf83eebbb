"""pytest's hooks while compiling: collect specs, run items, attach what they found to reports."""

from __future__ import annotations

from collections.abc import Generator
from collections.abc import Iterable
from pathlib import Path

import pytest

from pytest_compiledai import terminal
from pytest_compiledai.choosing import SELECTING
from pytest_compiledai.choosing import chosen
from pytest_compiledai.collect import GateItem
from pytest_compiledai.collect import SpecFile
from pytest_compiledai.collect import collect_file
from pytest_compiledai.controller import Controller
from pytest_compiledai.core.errors import CompiledAIError
from pytest_compiledai.failure import collect_fault
from pytest_compiledai.plug import adds
from pytest_compiledai.plug import plug
from pytest_compiledai.properties import properties
from pytest_compiledai.run import ALONE
from pytest_compiledai.run import CHOSEN
from pytest_compiledai.run import UNITS
from pytest_compiledai.run import Run
from pytest_compiledai.settings import read_settings
from pytest_compiledai.store import Store
from pytest_compiledai.xdist import STORE_KEY
from pytest_compiledai.xdist import XdistHooks

PAYLOAD = "compiledai"  # the attribute of a test report; JSON values only
CONTROLLER = pytest.StashKey[Controller]()


def activate(config: pytest.Config) -> None:
    """Register everything that works with ``--compile``. Raises ``UsageError`` for bad settings."""
    worker_input = getattr(config, "workerinput", None)
    try:
        settings = read_settings(config)
    except CompiledAIError as error:
        raise pytest.UsageError(str(error)) from None
    store = Store(Path(worker_input[STORE_KEY])) if worker_input else Store.create()
    run = Run(config=config, settings=settings, store=store)
    # What the root's conftest adds is looked at now, where a usage error ends the run at once.
    plug(config)
    # One bad spec must not stop the others: pytest would end the run at a collection error.
    config.option.continue_on_collection_errors = True
    _register(config, Hooks(run), "compiledai-session")
    if worker_input is not None:
        return
    store.once(CHOSEN, lambda: chosen(config))
    controller = Controller(run)
    controller.recover()
    config.stash[CONTROLLER] = controller
    _register(config, ControllerHooks(controller), "compiledai-controller")
    if config.pluginmanager.hasplugin("dsession") or _distributes(config):
        _register(config, XdistHooks(controller), "compiledai-xdist")


def _register(config: pytest.Config, plugin: object, name: str) -> None:
    """Register a part of this plugin. Raises ``UsageError`` where an option blocks it."""
    if config.pluginmanager.register(plugin, name) is None:
        raise pytest.UsageError(
            f"-p no:{name}: found a run without a part that judges; expected all of them; next: "
            "look at addopts in the pytest configuration and at PYTEST_ADDOPTS"
        )


def _distributes(config: pytest.Config) -> bool:
    """Whether xdist starts workers (its own hooks exist only where it is installed)."""
    return config.pluginmanager.hasplugin("xdist") and bool(config.getoption("tx", None))


class Hooks:
    """What every process of a run does."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> SpecFile | None:
        """Collect spec files."""
        return collect_file(file_path, parent, self.run)

    def pytest_plugin_registered(self, plugin: object) -> None:
        """Note a conftest that comes when kinds and gates are settled already."""
        if self.run.is_plugged and adds(plugin):
            name = getattr(plugin, "__file__", repr(plugin))
            self.run.refusal = (
                f"{name}: found gates or kinds that pytest met after the first spec; "
                "expected them in the conftest.py of the root; next: move them there"
            )

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(
        self, items: list[pytest.Item]
    ) -> Generator[None, object, object]:
        """Note the gate items before anything takes some out but an option of the command line."""
        units = {item.unit.name for item in items if isinstance(item, GateItem)}
        self.run.store.once(UNITS, lambda: sorted(units))
        self.run.store.once(ALONE, lambda: sorted(self.run.alone))
        if not set(SELECTING).intersection(self.run.store.read(CHOSEN)):
            self.run.collected = gate_ids(items)
        return (yield)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Remember the selected units, so that analysers scan them in one batch."""
        if self.run.refusal:
            raise pytest.UsageError(self.run.refusal)
        self.run.select([item for item in session.items if isinstance(item, GateItem)])

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Attach the digest of what the item found."""
        report = yield
        if isinstance(item, GateItem) and report.when == "call":
            payload = self.run.payload(item.unit, item.gate)
            setattr(report, PAYLOAD, payload)
            verdict = self.run.said(item.unit, item.gate)
            item.user_properties += properties(payload, verdict, report.outcome)
            report.user_properties = list(item.user_properties)
        return report

    def pytest_unconfigure(self) -> None:
        """End the sandbox and the background of the model."""
        self.run.close()


class ControllerHooks:
    """What only the process that sees all reports does: freeze, report, summarise."""

    def __init__(self, controller: Controller) -> None:
        self.controller = controller

    def pytest_report_header(self) -> list[str]:
        """Say how this run compiles."""
        return terminal.header(self.controller.run)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Print the bill and open the ledger, unless workers do the collecting."""
        if session.items:
            self.controller.open_ledger([item.nodeid for item in session.items])

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note why a file could not be read; reports tell it."""
        if report.failed:
            self.controller.uncollected[report.nodeid] = collect_fault(
                report.nodeid, str(report.longrepr)
            )

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the units that items asked about."""
        payload = getattr(report, PAYLOAD, None)
        if payload is not None:
            self.controller.note(payload)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(
        self, session: pytest.Session, exitstatus: int
    ) -> Generator[None, object, object]:
        """Freeze what passed and write the reports; no hook after that makes a failure a pass."""
        if session.config.getoption("collectonly"):
            return (yield)
        interrupted = exitstatus in (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.INTERNAL_ERROR)
        self.controller.finish(interrupted=interrupted and not session.testsfailed)
        if exitstatus == pytest.ExitCode.OK:
            self.controller.look_for_contradictions()
        elif exitstatus == pytest.ExitCode.TESTS_FAILED:
            self.controller.look_for_items_taken_out()
        if session.config.getoption("no_summary"):
            self._fail_aloud()
        self._fail(session)
        answer = yield
        if (session.exitstatus, exitstatus) == (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            self.controller.look_for_contradictions()
            self._fail_aloud()
            self._fail(session)
        return answer

    def _fail_aloud(self) -> None:
        """Say why a run fails in which all passed, where no summary says it."""
        for notice in self.controller.notices if self.controller.failed else ():
            self.controller.run.say(notice)

    def _fail(self, session: pytest.Session) -> None:
        good = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
        if self.controller.failed and session.exitstatus in good:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Write the section of this plugin."""
        terminal.write_summary(terminalreporter, self.controller)

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        """Delete the run's store."""
        self.controller.run.store.remove()


def gate_ids(items: Iterable[pytest.Item]) -> frozenset[str]:
    """Return the node ids of the items that are ours."""
    return frozenset(item.nodeid for item in items if isinstance(item, GateItem))
