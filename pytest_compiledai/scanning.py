"""What the analysers say of a run's sources: scanned ahead, in batches, beside everything else.

One process of a run scans what the selected units will want as far as no model decides it. It does
so in a thread that waits for the analysers, so that the first units are judged while the next ones
are scanned. The reports lie in the run's store; a source is scanned once a run. Another process
that comes to a batch first scans all of it: one by one, its sources would cost twenty times that.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from concurrent.futures import Future
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import cached_property
from functools import partial
from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    from pytest_compiledai.gates.tools import ScanRequest
    from pytest_compiledai.gates.tools import ToolReport
    from pytest_compiledai.store import Store

#: Sources of one batch. Starting the analysers costs as much as scanning some twenty sources.
BATCH = 50


class Scanning:
    """The reports as one process of a run sees them."""

    def __init__(self, store: Store, foreseen: Callable[[], Sequence[ScanRequest]] = tuple) -> None:
        self._store = store
        self._foreseen = foreseen
        self._reports: dict[str, ToolReport] = {}
        self._waiting: dict[str, Future[None]] = {}  # by request, scanned by this process
        self._pool: ThreadPoolExecutor | None = None

    def ahead(self) -> None:
        """Begin to scan what is foreseen in the background, in its order, unless it was begun."""
        if self._pool is not None:
            return
        # Imported here: pytest parses a plugin's modules at import, and see `parse_scan`.
        import pytest_compiledai.gates.tools  # noqa: F401

        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="compiledai-scan")
        for batch in self._batches:
            self._waiting |= dict.fromkeys(batch, self._pool.submit(self._scan, batch))

    def reports(self, requests: Sequence[ScanRequest]) -> Mapping[str, ToolReport]:
        """Return the reports on ``requests`` by content address."""
        for item in requests:
            if _key(item) in self._waiting:
                self._waiting.pop(_key(item)).result()
        missing = {key: item for item in requests if (key := _key(item)) not in self._reports}
        for key in missing:
            if not self._store.has(f"scans/{key}"):
                self._scan(next((batch for batch in self._batches if key in batch), missing))
            self._reports[key] = _report(self._store.read(f"scans/{key}"))
        return {item.source.address: self._reports[_key(item)] for item in requests}

    @cached_property
    def _batches(self) -> tuple[Mapping[str, ScanRequest], ...]:
        """What is foreseen, by key: the same batches in every process of a run."""
        items = list({_key(item): item for item in self._foreseen()}.items())
        return tuple(dict(items[start : start + BATCH]) for start in range(0, len(items), BATCH))

    def close(self) -> None:
        """Give up what has not begun, and wait for the batch that has."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def _scan(self, items: Mapping[str, ScanRequest]) -> None:
        """Scan what no process of this run has scanned, and keep the reports in the store."""
        from pytest_compiledai.gates.tools import scan

        store = self._store
        with store.lock("scans"):
            left = {key: item for key, item in items.items() if not store.has(f"scans/{key}")}
            if not left:
                return
            reports = scan(list(left.values()), cache=store.folder("mypy"))
            for key, item in left.items():
                store.once(f"scans/{key}", partial(_plain, reports[item.source.address]))


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
