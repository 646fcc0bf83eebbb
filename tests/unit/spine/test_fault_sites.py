"""What the fault campaign calls wrong: each thing that must not be is told, a clean end is not."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[3]
START = {"specs/a.yaml": b"spec", "pytest.ini": b""}
LOCK = b"lock-version = 1\n"
END = START | {"compiled/a.py": b"new", "compiledai.lock": LOCK}


@pytest.fixture
def sites(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT))
    return importlib.import_module("bench.fault_sites")


@pytest.mark.parametrize("tree", [START, END, END | {"compiled/.next/x": b"half"}])
def test_old_new_and_staged_files_are_right(sites, tree):
    """Right after a fault a file is as before, or as it will be; what is staged may be anything."""
    assert [] == sites.wrong_now(tree, START, END)


@pytest.mark.parametrize(
    ("tree", "told"),
    [
        (END | {"specs/a.yaml": b"spe"}, "specs/a.yaml is not what it was"),
        (END | {"compiled/a.py": b"ne"}, "compiled/a.py is neither the old nor the new one"),
        (END | {"compiled/.a.py.tmp": b""}, "compiled/.a.py.tmp was left behind"),
        (END | {"compiledai.lock": b"lock-ver"}, "the lock cannot be read"),
        (END | {"specs/recordings/a.json": b"{"}, "specs/recordings/a.json is half a recording"),
    ],
)
def test_a_half_written_tree_is_wrong(sites, tree, told):
    """A changed spec, a half file, a leftover, half a lock and half a recording are each told."""
    assert any(told in text for text in sites.wrong_now(tree, START, END))


@pytest.mark.parametrize(
    ("tree", "told"),
    [
        (START | {"compiledai.lock": LOCK}, "compiled/a.py is missing"),
        (END | {"compiled/a.py": b"old"}, "compiled/a.py has other bytes"),
        (END | {"compiled/.next/x": b""}, "compiled/.next/x was left behind"),
    ],
)
def test_a_tree_that_is_not_that_of_a_clean_run_is_not_healed(sites, tree, told):
    """After the healing run every byte is as a run without a fault leaves it."""
    assert [told] == sites.wrong_when_healed(tree, START, END)
    assert [] == sites.wrong_when_healed(END, START, END)


def ready(sites, end: dict[str, bytes] = END) -> dict[str, bytes]:
    """Return a tree whose freeze has everything staged and nothing in its place."""
    from pytest_compiledai.core.canonical import digest
    from pytest_compiledai.core.journal import Journal
    from pytest_compiledai.core.journal import Move

    move = Move(staged="0", target="a.py", sha256=digest(b"new"))
    journal = Journal(files=(move,), removed=(), old="", new=digest(lock := end["compiledai.lock"]))
    staged = {"journal.json": journal.render(), "0": b"new", "lock": lock}
    return START | {f"{sites.NEXT}{name}": data for name, data in staged.items()}


def test_a_run_that_refused_a_unit_may_leave_another_end(sites):
    """What is pruned beside a refused unit is a third end; a mixture of ends is still wrong."""
    rejected = START | {"compiledai.lock": b"lock-version = 1\n\n"}

    assert sites.wrong_now(rejected, START, END)
    assert [] == sites.wrong_now(rejected, START, END, rejected)
    assert rejected == sites.promised(ready(sites, rejected), [END, rejected])
    assert END == sites.promised(ready(sites), [END, rejected])
    assert END == sites.promised(START, [END, rejected])


def test_a_journal_is_ready_only_with_all_that_it_names(sites):
    """A staged file that is missing or half, or a broken journal, is nothing to finish."""
    tree = ready(sites)

    assert sites.is_ready(tree)
    assert sites.is_ready(tree | {"compiled/a.py": b"new", f"{sites.NEXT}0": b""})
    for name in ("journal.json", "0", "lock"):
        assert not sites.is_ready(tree | {f"{sites.NEXT}{name}": b"{"})


def test_what_recovering_left_undone_is_told(sites):
    """A ready journal that was dropped, or still lies there, is wrong."""
    tree = ready(sites)

    assert [] == sites.wrong_when_recovered(END, END)
    assert any("compiled/a.py is missing" in t for t in sites.wrong_when_recovered(START, END))
    assert any("left behind" in told for told in sites.wrong_when_recovered(tree | END, END))


def test_a_new_lock_before_its_files_is_wrong(sites, entry_of):
    """The lock comes last: once it is the new one, every file it names has its bytes."""
    from pytest_compiledai.core.canonical import digest
    from pytest_compiledai.core.lock import Lock
    from pytest_compiledai.core.lock import render

    entry = entry_of(name="a", files={"a.py": digest(b"new")})
    end = END | {"compiledai.lock": render(Lock().with_entries(entry))}
    tree = ready(sites) | {"compiledai.lock": end["compiledai.lock"]}

    assert ["a: compiled/a.py is not what the lock says"] == sites.wrong_now(tree, START, end)
    assert [] == sites.wrong_now(tree | {"compiled/a.py": b"new"}, START, end)


def test_only_changes_below_the_folder_are_counted(tmp_path, monkeypatch):
    """An open file, and a name relative to a folder elsewhere, are no change of the project."""
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.chdir(tmp_path)
    child = importlib.import_module("bench.fault_child")
    seen = child.Changes({"below": str(tmp_path)})
    elsewhere = os.open("/", os.O_RDONLY)
    here = os.open(tmp_path, os.O_RDONLY)

    for event, *args in (
        ("open", 7, "w", os.O_WRONLY),
        ("os.truncate", 7, 0),
        ("os.remove", "a.py", elsewhere),
        ("os.remove", "a.py", here),
        ("os.rename", "b", "c", -1, -1),
    ):
        seen(event, tuple(args))
    os.close(elsewhere)
    os.close(here)

    assert 2 == seen.count


def test_a_strike_in_a_freeze_counts_from_the_first_staged_file(tmp_path, monkeypatch):
    """What a run changes before it freezes moves no strike."""
    monkeypatch.syspath_prepend(str(ROOT))
    child = importlib.import_module("bench.fault_child")
    plan = {"below": str(tmp_path), "at": 2, "do": "ENOSPC", "freezing": True}
    seen = child.Changes(plan)
    before, staged = f"{tmp_path}/x", f"{tmp_path}/.next/0"

    for path in (before, before, before, staged):
        seen("os.mkdir", (path, 0o777, -1))

    with pytest.raises(OSError, match="No space"):
        seen("os.mkdir", (staged, 0o777, -1))
