"""Scanning ahead: in batches, beside everything else, each source once a run."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import pytest

from pytest_compiledai import scanning
from pytest_compiledai.bench import RunBench
from pytest_compiledai.core.source import Source
from pytest_compiledai.gates import smoke
from pytest_compiledai.gates import tools
from pytest_compiledai.gates.tools import ScanRequest
from pytest_compiledai.gates.tools import ToolReport
from pytest_compiledai.scanning import Scanning
from pytest_compiledai.store import Store


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Return the paths of each batch that the analysers were given."""
    seen: list[list[str]] = []

    def scan(requests, **_):
        seen.append([item.source.path for item in requests])
        return {item.source.address: ToolReport(scanned=frozenset({"x"})) for item in requests}

    monkeypatch.setattr(tools, "scan", scan)
    monkeypatch.setattr(scanning, "BATCH", 2)
    return seen


def requests(*names: str) -> list[ScanRequest]:
    return [ScanRequest(source=Source(data=name.encode(), path=name)) for name in names]


def test_selected_sources_are_scanned_ahead_in_batches(tmp_path, batches) -> None:
    """Batches keep the order of the units; asking for a report scans nothing again."""
    made = Scanning(Store(tmp_path), lambda: requests("a", "b", "c"))
    made.ahead()

    found = made.reports(requests("c"))
    made.reports(requests("a", "b", "c"))
    made.close()

    assert [report.scanned for report in found.values()] == [frozenset({"x"})]
    assert batches == [["a", "b"], ["c"]]


def test_units_that_come_later_begin_no_scan_again(tmp_path, batches) -> None:
    """Each unit asks for it, and the analysers start once."""
    made = Scanning(Store(tmp_path), lambda: requests("a"))
    made.ahead()
    begun = made._pool
    made.ahead()

    assert begun is made._pool
    made.reports(requests("a"))
    made.close()
    assert [["a"]] == batches


def test_samples_of_the_analysers_go_with_what_is_foreseen() -> None:
    """One batch holds the samples that prove the analysers, and the first units."""
    run = SimpleNamespace(store=None, selected={})

    assert smoke.requests() == RunBench(run)._foreseen()


def test_a_process_that_comes_to_a_batch_first_scans_all_of_it(tmp_path, batches) -> None:
    """The process that scans ahead finds that batch done, and goes on."""
    store = Store(tmp_path)
    made, other = (Scanning(store, lambda: requests("a", "b", "c", "d")) for _ in range(2))

    other.reports(requests("d"))
    made.ahead()
    made.reports(requests("a", "d"))
    made.close()

    assert batches == [["c", "d"], ["a", "b"]]


def test_a_source_that_nobody_foresaw_is_scanned_when_asked_for(tmp_path, batches) -> None:
    """A repaired candidate is one batch of its own, once for all processes of the run."""
    store = Store(tmp_path)
    made, other = Scanning(store), Scanning(store)

    made.reports(requests("a"))
    other.reports(requests("a", "b"))

    assert batches == [["a"], ["b"]]


def test_an_error_of_the_analysers_reaches_who_asks(tmp_path, monkeypatch) -> None:
    """What fails in the background fails the item that needs the report, and is not kept."""

    def broken(requests, **_):
        raise OSError("no space")

    monkeypatch.setattr(tools, "scan", broken)
    made = Scanning(Store(tmp_path), lambda: requests("a"))
    made.ahead()

    with pytest.raises(OSError, match="no space"):
        made.reports(requests("a"))
    made.close()


def test_closing_gives_up_what_has_not_begun(tmp_path, batches, monkeypatch) -> None:
    """A run that ends early scans no batch after the one that is on its way."""
    begun, go_on = threading.Event(), threading.Event()
    scan = tools.scan

    def held(requests, **facts):
        begun.set()
        go_on.wait(10)
        return scan(requests, **facts)

    monkeypatch.setattr(tools, "scan", held)
    made = Scanning(Store(tmp_path), lambda: requests("a", "b", "c", "d", "e"))
    made.ahead()
    begun.wait(10)
    closing = threading.Thread(target=made.close)
    closing.start()
    while not all(item.cancelled() or item.running() for item in made._waiting.values()):
        time.sleep(0.001)
    go_on.set()
    closing.join()

    assert batches == [["a", "b"]]
