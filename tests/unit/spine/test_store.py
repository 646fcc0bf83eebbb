"""The run's store: made once, shared, private, and honest about processes that died."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from pytest_compiledai.core.canonical import digest
from pytest_compiledai.store import Store
from pytest_compiledai.store import StoreError


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_a_value_is_made_once(store):
    """Who asks second gets what the first one made."""
    made: list[int] = []

    def make() -> dict[str, int]:
        made.append(1)
        return {"n": len(made)}

    assert [store.once("a/b", make) for _ in range(3)] == [{"n": 1}] * 3


def test_threads_at_once_make_a_value_once(store):
    """The lock lets one maker in, however many ask together."""
    together = threading.Barrier(4)
    made: list[int] = []
    got: list[int] = []

    def ask() -> None:
        together.wait()
        got.append(store.once("slow", lambda: made.append(1) or len(made)))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (made, got) == ([1], [1, 1, 1, 1])


def test_an_error_of_the_maker_is_raised_and_forgotten(store):
    """A maker that raises leaves no mark: the next one may try."""
    with pytest.raises(ZeroDivisionError):
        store.once("x", lambda: 1 / 0)

    assert store.once("x", lambda: 7) == 7


def test_what_a_dead_process_began_is_not_tried_again(store):
    """A mark without a value means a crash: it is told, and the maker is not called."""
    store.once("units/other", lambda: 1)
    (store.root / "values" / "units" / "x.begun").touch()

    with pytest.raises(StoreError, match="units/x: found begun by a process"):
        store.once("units/x", lambda: pytest.fail("made again"))


def test_a_value_that_is_not_there_is_an_error(store):
    """Reading asks nobody to make anything."""
    assert not store.has("x")
    with pytest.raises(StoreError):
        store.read("x")


def test_a_finished_value_is_there(store):
    """A value can be looked for and read by another process's store of the same folder."""
    store.once("x", lambda: [1, "é"])

    other = Store(store.root)

    assert other.has("x")
    assert other.read("x") == [1, "é"]


def test_bytes_are_kept_under_their_digest(store):
    """What was put comes back by its content address."""
    address = store.put_bytes(b"code")

    assert address == digest(b"code")
    assert store.get_bytes(address) == b"code"


def test_changed_bytes_are_refused(store):
    """A file that no longer has its digest is an error, not an artifact."""
    address = store.put_bytes(b"code")
    (store.root / "bytes" / address).write_bytes(b"other")

    with pytest.raises(StoreError, match="changed bytes"):
        store.get_bytes(address)


def test_a_store_is_private_and_goes(monkeypatch, tmp_path):
    """A run's store lies outside the project, is readable by its owner alone, and is deleted."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    store = Store.create()
    mode = stat.S_IMODE(store.root.stat().st_mode)
    folder_mode = stat.S_IMODE(store.folder("mypy").stat().st_mode)
    store.remove()

    assert (mode, folder_mode) == (0o700, 0o700)
    assert store.root.parent == tmp_path
    assert not store.root.exists()


def test_stores_of_killed_runs_are_removed(tmp_path, monkeypatch):
    """A new store sweeps away those whose process is gone, and no others."""
    import os
    import subprocess
    import sys

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    gone = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
    )
    dead = tmp_path / f"compiledai-run-{int(gone.stdout)}-x"
    alive = tmp_path / f"compiledai-run-{os.getpid()}-y"
    dead.mkdir()
    alive.mkdir()

    Store.create()

    assert not dead.exists()
    assert alive.exists()
