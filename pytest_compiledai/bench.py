"""What gates are given to judge with: the sandbox, the analysers' reports, the measuring lock."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from dataclasses import dataclass
from functools import cached_property
from functools import partial
from typing import TYPE_CHECKING
from typing import Any

from pytest_compiledai.core.errors import ToolError

if TYPE_CHECKING:
    from pytest_compiledai.asking import UnitAsking
    from pytest_compiledai.core.calls import Sandbox
    from pytest_compiledai.core.unit import Unit
    from pytest_compiledai.gates.tools import ScanRequest
    from pytest_compiledai.gates.tools import ToolReport
    from pytest_compiledai.run import Run


class RunBench:
    """The bench of one process; what is costly is shared with the run's other processes."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._reports: dict[str, ToolReport] = {}
        self._proved = False

    def of(self, unit: Unit) -> UnitBench:
        """Return the bench as the gates of ``unit`` see it."""
        self._prove()
        return UnitBench(bench=self, unit=unit)

    @cached_property
    def sandbox(self) -> Sandbox:
        """The sandbox, opened and probed at first use."""
        from pytest_compiledai.sandbox.ladder import open_sandbox

        return open_sandbox(self.run.settings.sandbox)

    def scans(self, requests: Sequence[ScanRequest]) -> Mapping[str, ToolReport]:
        """Return reports by content address; the first call of a run scans all selected units."""
        missing = [item for item in requests if _key(item) not in self._reports]
        if missing:
            self._load(missing)
        return {item.source.address: self._reports[_key(item)] for item in requests}

    def prefetch(self, units: Iterable[Unit]) -> None:
        """Start asking for the first proposals of ``units`` in the background."""
        for unit in units:
            if self.run.wants_proposal(unit):
                opening = self.run.plugged.kinds[unit.kind].opening(unit)
                if opening is not None:
                    self.run.asking(unit).prefetch(opening, samples=unit.candidates)

    def close(self) -> None:
        """End the sandbox's processes, if it was opened."""
        if "sandbox" in self.__dict__:
            self.sandbox.close()

    def _load(self, requests: Sequence[ScanRequest]) -> None:
        store = self.run.store
        with store.lock("scans"):
            unscanned = [item for item in requests if not store.has(f"scans/{_key(item)}")]
            if unscanned:
                batch = [*unscanned, *self._ahead()]
                self._scan({_key(item): item for item in batch})
        for item in requests:
            self._reports[_key(item)] = _report(store.read(f"scans/{_key(item)}"))

    def _ahead(self) -> list[ScanRequest]:
        """Return what selected units will want scanned, as far as no model decides it."""
        store = self.run.store
        if store.has("scans/ahead"):
            return []
        store.once("scans/ahead", lambda: True)
        found: list[ScanRequest] = []
        for unit in self.run.selected.values():
            candidate = self.run.foreseen(unit)
            if candidate is not None:
                kind = self.run.plugged.kinds[unit.kind]
                found.extend(kind.sources(unit, candidate))
        return found

    def _scan(self, batch: Mapping[str, ScanRequest]) -> None:
        from pytest_compiledai.gates.tools import scan

        store = self.run.store
        items = {key: item for key, item in batch.items() if not store.has(f"scans/{key}")}
        reports = scan(list(items.values()), cache=store.folder("mypy"))
        for key, item in items.items():
            store.once(f"scans/{key}", partial(_plain, reports[item.source.address]))

    def _prove(self) -> None:
        """Let every gate judge its own samples once a run; a gate that errs stops the run."""
        if self._proved:
            return
        missing = [name for name, found in self.run.project.versions.items() if found == "missing"]
        if missing:
            raise ToolError(
                where="gates",
                found=f"{', '.join(sorted(missing))} not installed",
                expected="every analyser: what could not be checked has failed",
                next='pip install "pytest-compiledai[gates]"',
            )
        wrong = self.run.store.once("smoke", self._smoke)
        if wrong:
            raise ToolError(
                where="gates/",
                found=f"samples judged wrongly: {', '.join(wrong)}",
                expected="every gate to reject its bad samples and accept its good ones",
                next="pip install --force-reinstall 'pytest-compiledai[gates]'",
            )
        self._proved = True

    def _smoke(self) -> list[str]:
        from pytest_compiledai.gates import proof
        from pytest_compiledai.gates import smoke

        static = smoke.smoke(cache=self.run.store.folder("mypy"))
        return sorted([*static, *proof.smoke(self.sandbox)])


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitBench:
    """The bench as one unit's gates see it."""

    bench: RunBench
    unit: Unit

    def sandbox(self) -> Sandbox:
        """Return the run's sandbox."""
        return self.bench.sandbox

    def scans(self, sources: Sequence[Any]) -> Mapping[str, Any]:
        """Return the analysers' reports by content address."""
        return self.bench.scans(sources)

    def exclusive(self) -> AbstractContextManager[None]:
        """Hold the run's measuring lock: one unit is timed at a time."""
        return self.bench.run.store.lock("latency")

    def asking(self) -> UnitAsking:
        """Return the way to a reference model's answers."""
        return self.bench.run.asking(self.unit)


def _key(item: ScanRequest) -> str:
    return f"{item.mypy}-{item.source.address}"


def _plain(report: ToolReport) -> dict[str, Any]:
    return {
        "findings": [asdict(finding) for finding in report.findings],
        "faults": [asdict(fault) for fault in report.faults],
        "scanned": sorted(report.scanned),
    }


def _report(plain: Mapping[str, Any]) -> ToolReport:
    from pytest_compiledai.gates.tools import ToolFault
    from pytest_compiledai.gates.tools import ToolFinding
    from pytest_compiledai.gates.tools import ToolReport

    return ToolReport(
        findings=tuple(ToolFinding(**item) for item in plain["findings"]),
        faults=tuple(ToolFault(**item) for item in plain["faults"]),
        scanned=frozenset(plain["scanned"]),
    )
