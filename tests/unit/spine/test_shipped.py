"""What Python would import in place of the loader, and how production reads the lock."""

from __future__ import annotations

import importlib.util
import py_compile
from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_compiledai.core.lock import Lock
from pytest_compiledai.core.lock import read_lock
from pytest_compiledai.core.lock import render
from pytest_compiledai.shipped import forget_bytecode
from pytest_compiledai.shipped import other_readings
from pytest_compiledai.shipped import shadows


@dataclass
class Shipped:
    """An out folder with a loader of one line."""

    out: Path

    def bytecode(self, mode: str) -> Path:
        """Write bytecode of the loader as ``mode`` says."""
        modes = py_compile.PycInvalidationMode
        told = {
            "time": modes.TIMESTAMP,
            "hash": modes.CHECKED_HASH,
            "unseen": modes.UNCHECKED_HASH,
        }
        loader = self.out / "__init__.py"
        target = Path(importlib.util.cache_from_source(str(loader)))
        py_compile.compile(str(loader), cfile=str(target), invalidation_mode=told[mode])
        return target


@pytest.fixture
def shipped(tmp_path: Path) -> Shipped:
    (tmp_path / "compiled").mkdir()
    (tmp_path / "compiled" / "__init__.py").write_text("x = 1\n")
    return Shipped(tmp_path / "compiled")


def test_bytecode_of_an_import_is_no_shadow(shipped) -> None:
    """What Python itself writes beside the loader, it compares with the loader's text."""
    shipped.bytecode("time")

    assert list(shadows(shipped.out, "compiled")) == []


@pytest.mark.parametrize("mode", ["hash", "unseen"])
def test_bytecode_with_a_hash_is_refused(shipped, mode) -> None:
    """It runs whatever the text says, or with a hash that whoever planted it computed."""
    shipped.bytecode(mode)

    (told,) = shadows(shipped.out, "compiled")

    assert "found bytecode of another text than __init__.py" in told
    assert told.endswith("next: rm -r compiled/__pycache__")


def test_bytecode_of_another_text_is_refused(shipped) -> None:
    """A checkout elsewhere may give the text the very second that the bytecode names."""
    shipped.bytecode("time")
    (shipped.out / "__init__.py").write_text("x = 12\n")

    assert len(list(shadows(shipped.out, "compiled"))) == 1


def test_an_extension_module_beside_the_loader_is_refused(shipped) -> None:
    """Python looks for it first."""
    (shipped.out / "__init__.abi3.so").write_bytes(b"x")

    (told,) = shadows(shipped.out, "compiled")

    assert "compiled/__init__.abi3.so: found a file that is imported in place of" in told


def test_a_loader_written_anew_takes_its_bytecode_along(shipped) -> None:
    """Or the next locked run would fail at what an import left before."""
    path = shipped.bytecode("hash")

    forget_bytecode(shipped.out)

    assert not path.exists()


def readings(shipped: Shipped, text: str) -> list[str]:
    """Return what is said of a lock with ``text``."""
    lock = read_lock(text.encode(), "compiledai.lock").lock
    return list(other_readings(shipped.out, "compiled", text.encode(), lock, "compiledai.lock"))


@pytest.fixture
def lock(entry_of) -> str:
    """Return a lock that production reads."""
    entry = entry_of(gates=("security@1", "syntax@1", "execution@1"))
    return render(Lock().with_entries(entry)).decode()


@pytest.mark.parametrize("remark", ["", "# reviewed\n"])
def test_a_lock_that_both_read_alike_is_good(shipped, lock, remark) -> None:
    """As it was written, or with a remark."""
    assert readings(shipped, lock.replace("\n\n", f"\n\n{remark}")) == []


@pytest.mark.parametrize(("old", "new"), [('"double"]', "'double']"), ("[artifact", "  [artifact")])
def test_a_lock_that_production_reads_otherwise_is_told(shipped, lock, old, new) -> None:
    """Good TOML is not enough: what production refuses, or takes for another table, is no pass."""
    (told,) = readings(shipped, lock.replace(old, new))

    assert told.startswith("compiledai.lock")
    assert "next: pytest --compile writes it" in told


def test_no_lock_is_nothing_to_read_otherwise(shipped) -> None:
    """Before the first unit is frozen, and in a part of a matrix that holds none."""
    assert not list(other_readings(shipped.out, "compiled", b"", Lock(entries={}), "the lock"))


def test_another_lock_inside_the_folder_is_told(shipped, lock) -> None:
    """A wheel ships the one inside."""
    (shipped.out / "compiledai.lock").write_text(lock.replace("tester", "other"))

    (told,) = readings(shipped, lock)

    assert "compiled/compiledai.lock: found another lock than compiledai.lock" in told
