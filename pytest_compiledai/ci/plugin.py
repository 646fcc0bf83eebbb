"""A plugin that `ci run` loads: it runs one part of the units and leaves the run's record.

Its options are between `ci run` and this file; whoever calls pytest does not need them.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_compiledai import github
from pytest_compiledai.ci.record import FILE
from pytest_compiledai.ci.record import FROZEN
from pytest_compiledai.ci.record import RECORDINGS
from pytest_compiledai.ci.record import Record
from pytest_compiledai.ci.shard import Shard
from pytest_compiledai.collect import GateItem
from pytest_compiledai.core.errors import CompiledAIError
from pytest_compiledai.core.files import atomic_write
from pytest_compiledai.session import CONTROLLER
from pytest_compiledai.session import gate_ids

if TYPE_CHECKING:
    from pytest_compiledai.controller import Controller
    from pytest_compiledai.run import Run

COLLECTED = "ci/collected"  # a value of the run's store: unit -> its spec, before any is left out
_TICK_S = 1.0  # clocks of file systems lag behind the system's


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the two options that `ci run` sets."""
    group = parser.getgroup("compiledai-ci")
    group.addoption("--ci-folder", help="where the record goes")
    group.addoption("--ci-shard", help="i/n: the part of the units that is run")


def pytest_configure(config: pytest.Config) -> None:
    """Register what works while compiling."""
    text = config.getoption("ci_shard")
    try:
        shard = Shard.parse(text) if text else None
    except CompiledAIError as error:
        raise pytest.UsageError(str(error)) from None
    folder = Path(config.getoption("ci_folder"))
    config.pluginmanager.register(Recorder(folder, shard), "compiledai-ci")


class Recorder:
    """Leaves out the units of other parts and writes the record."""

    def __init__(self, folder: Path, shard: Shard | None) -> None:
        self.folder = folder
        self.shard = shard
        self.started_s = time.time()

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Say which part this is, before the budget is opened that all parts share."""
        if self.shard is not None:
            _run_of(session.config).part = (self.shard.number, self.shard.of)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Note the units, and keep those of this part; what is no gate goes by its file."""
        units = [item.unit for item in items if isinstance(item, GateItem)]
        specs = {unit.name: unit.place.path for unit in units}
        _run_of(config).store.once(COLLECTED, lambda: specs)
        if self.shard is None:
            return
        others = [item for item in items if not self.shard.holds(_key(item))]
        if others:
            config.hook.pytest_deselected(items=others)
            # Another part answers for them; whatever else takes an item out fails a locked run.
            _run_of(config).collected -= gate_ids(others)
            items[:] = [item for item in items if self.shard.holds(_key(item))]

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the record, and what the run wrote, where the one writer has ended."""
        controller = session.config.stash.get(CONTROLLER, None)
        if controller is None:
            return
        try:
            record = self._record(controller)
        except CompiledAIError:
            return  # the controller has said why; `ci run` passes no run without a record
        self._keep_frozen(controller, record)
        self._keep_recordings(controller.run)
        atomic_write(self.folder / FILE, record.render())

    def _record(self, controller: Controller) -> Record:
        run, facts = controller.run, controller.facts()
        return Record(
            mode=facts.mode,
            live=bool(facts.live),
            out=run.relative(run.settings.out),
            collected=tuple(sorted(_specs(run))),
            results=tuple(facts.results),
            sandboxes=tuple(facts.sandboxes),
            outside=tuple(facts.outside),
            diff=facts.diff,
            shard=self.shard,
            pull_request=github.pull_request(os.environ),
        )

    def _keep_frozen(self, controller: Controller, record: Record) -> None:
        """Copy what was frozen, so that another job can write it: the files of changed entries."""
        for result in record.changed():
            for path, address in sorted(result.files.items()):
                data = controller.run.store.get_bytes(address)
                atomic_write(self.folder / FROZEN / path, data)

    def _keep_recordings(self, run: Run) -> None:
        """Copy what a model answered in this run."""
        if not run.settings.live:
            return
        folders = {run.project.recordings_of(spec) for spec in _specs(run).values()}
        for path in sorted(file for folder in folders for file in folder.glob("*.json")):
            if path.stat().st_mtime >= self.started_s - _TICK_S:
                atomic_write(self.folder / RECORDINGS / run.relative(path), path.read_bytes())


def _key(item: pytest.Item) -> str:
    return item.unit.name if isinstance(item, GateItem) else item.nodeid.partition("::")[0]


def _run_of(config: pytest.Config) -> Run:
    run: Run = config.pluginmanager.getplugin("compiledai-session").run
    return run


def _specs(run: Run) -> dict[str, str]:
    """Return unit -> spec as some process of this run collected them; workers do, with xdist."""
    specs: dict[str, str] = run.store.read(COLLECTED) if run.store.has(COLLECTED) else {}
    return specs
