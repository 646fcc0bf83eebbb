"""Merging locks line by line: what two branches add does not collide, what both change is loud."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.errors import LockError
from pytest_compiledai.core.lock import Entry
from pytest_compiledai.core.lock import Lock
from pytest_compiledai.core.lock import parse
from pytest_compiledai.core.lock import render

NAMES = st.sampled_from([f"{letter}{number}" for letter in "abcdef" for number in range(4)])


def entry(name: str, salt: str = "") -> Entry:
    """Return an entry that shares with any other all that two units of one project may share."""
    return Entry(
        name=name,
        kind="function",
        spec="specs/all.yaml",
        files={f"{name}.py": digest(f"file {name} {salt}".encode())},
        source=digest(f"source {name} {salt}".encode()),
        evidence=digest(f"evidence {name}".encode()),
        proposer="some/model",
        attempts=1,
        target="python>=3.11",
        gates=("security@1", "syntax@1"),
    )


def lock_of(names: set[str]) -> Lock:
    return Lock().with_entries(*[entry(name) for name in names])


def union(folder: Path, base: Lock, ours: Lock, theirs: Lock) -> bytes:
    """Return what `git merge-file --union` makes of the three, as `merge=union` does."""
    for name, lock in (("base", base), ("ours", ours), ("theirs", theirs)):
        (folder / name).write_bytes(render(lock))
    command = ["git", "merge-file", "-p", "--union", "ours", "base", "theirs"]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=20).stdout


@settings(
    max_examples=60,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    base=st.sets(NAMES, max_size=6),
    ours=st.sets(NAMES, max_size=5),
    theirs=st.sets(NAMES, max_size=5),
)
def test_what_two_branches_add_merges_in_either_order(
    tmp_path: Path, base: set[str], ours: set[str], theirs: set[str]
) -> None:
    """A union merge of disjoint additions, adjacent or not, is the lock with both."""
    theirs = theirs - ours
    both = lock_of(base | ours | theirs)

    one = union(tmp_path, lock_of(base), lock_of(base | ours), lock_of(base | theirs))
    other = union(tmp_path, lock_of(base), lock_of(base | theirs), lock_of(base | ours))

    assert both == parse(one) == parse(other)
    assert render(both) == render(parse(one))


def test_changes_of_neighbours_merge(tmp_path: Path) -> None:
    """Two branches that compile neighbouring artifacts again do not collide."""
    base = lock_of({"a", "b", "c"})
    ours, theirs = base.with_entries(entry("a", "new")), base.with_entries(entry("b", "new"))

    merged = union(tmp_path, base, ours, theirs)

    assert parse(merged) == base.with_entries(entry("a", "new"), entry("b", "new"))


def test_an_addition_beside_a_removal_stays_readable(tmp_path: Path) -> None:
    """A union merge can bring a dropped table back, whole: its file is missing, which is told."""
    base = lock_of({"a", "b", "c"})

    merged = union(tmp_path, base, base.without(["b"]), base.with_entries(entry("b1")))

    assert parse(merged) == base.with_entries(entry("b1"))


def test_one_artifact_compiled_on_both_sides_is_loud(tmp_path: Path) -> None:
    """Nobody's entry wins in silence when two branches compiled one artifact: it is named."""
    base = lock_of({"a", "b", "c"})
    ours, theirs = base.with_entries(entry("b", "one")), base.with_entries(entry("b", "two"))

    with pytest.raises(LockError) as caught:
        parse(union(tmp_path, base, ours, theirs), "compiledai.lock")

    assert "`b`" in caught.value.found
    assert "compiledai.lock" in caught.value.next
    assert "pytest --compile" in caught.value.next


def test_one_new_artifact_added_on_both_sides_is_loud(tmp_path: Path) -> None:
    """Two branches that add different artifacts of one name are told so."""
    base = lock_of({"a"})
    ours, theirs = base.with_entries(entry("b", "one")), base.with_entries(entry("b", "two"))

    with pytest.raises(LockError) as caught:
        parse(union(tmp_path, base, ours, theirs), "compiledai.lock")

    assert "`b`" in caught.value.found


def test_the_union_driver_of_git_merge_does_the_same(tmp_path: Path) -> None:
    """`merge=union` in .gitattributes is what projects have: the real merge, once."""

    def git(*args: str) -> None:
        command = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org", *args]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=20)

    def commit(lock: Lock) -> None:
        (tmp_path / "compiledai.lock").write_bytes(render(lock))
        git("add", "-A")
        git("commit", "-qm", "x")

    git("init", "-q")
    (tmp_path / ".gitattributes").write_text("compiledai.lock text eol=lf merge=union\n")
    commit(lock_of({"a", "z"}))
    git("branch", "topic")
    commit(lock_of({"a", "b", "c", "z"}))
    git("checkout", "-q", "topic")
    commit(lock_of({"a", "d", "z"}))
    git("merge", "-q", "-m", "x", "-")

    merged = parse((tmp_path / "compiledai.lock").read_bytes())

    assert merged == lock_of({"a", "b", "c", "d", "z"})
