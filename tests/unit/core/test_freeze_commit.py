"""Writing artifacts and lock: what changes on disk, what does not, and what refuses."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from pytest_compiledai.core import stage as stage_module
from pytest_compiledai.core.artifact import Artifact
from pytest_compiledai.core.errors import ArtifactError
from pytest_compiledai.core.errors import LockError
from pytest_compiledai.core.freeze import Freeze
from pytest_compiledai.core.freeze import Frozen
from pytest_compiledai.core.lock import Entry
from pytest_compiledai.core.lock import parse
from pytest_compiledai.core.verify import verify


def artifact(name: str, *contents: str) -> Artifact:
    """Return a function's artifact, or a folder's when there is more than one content."""
    if len(contents) == 1:
        return Artifact(name=name, files={f"{name}.py": contents[0].encode()})
    files = {f"{name}/{index}/data": text.encode() for index, text in enumerate(contents)}
    return Artifact(name=name, files=files)


def entry_of(made: Artifact, **changes: object) -> Entry:
    values: dict[str, object] = {
        "name": made.name,
        "kind": "function",
        "spec": "specs/all.yaml",
        "files": made.digests(),
        "source": "b" * 64,
        "evidence": "c" * 64,
        "proposer": "some/model",
        "attempts": 1,
        "target": "python>=3.11",
        "gates": ("security@1",),
    }
    return Entry(**(values | changes))  # type: ignore[arg-type]


def commit(root: Path, *made: Artifact, removed: tuple[str, ...] = (), **beside: str) -> Frozen:
    freeze = Freeze(root / "compiled", root / "compiledai.lock")
    extra = {name: text.encode() for name, text in beside.items()}
    freeze.stage(made, [entry_of(one) for one in made], removed, beside=extra)
    return freeze.commit()


def tree(root: Path) -> dict[str, bytes]:
    """Return every file below ``root`` and every folder, which has no bytes."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes() if path.is_file() else b""
        for path in sorted(root.rglob("*"))
    }


def assert_sound(root: Path, *names: str) -> None:
    lock = parse((root / "compiledai.lock").read_bytes())
    assert list(lock.entries) == sorted(names)
    for entry in lock.entries.values():
        assert verify(entry, root / "compiled", lock=lock) == ()
    assert not (root / "compiled" / ".next").exists()


def test_a_first_freeze_writes_files_and_lock(tmp_path: Path) -> None:
    """Files, the lock and what lies beside artifacts are there, and nothing else."""
    done = commit(
        tmp_path, artifact("a", "a = 1\n"), artifact("b", "x", "y"), **{"__init__.py": "#"}
    )

    assert done.written == ("__init__.py", "a.py", "b/0/data", "b/1/data")
    assert_sound(tmp_path, "a", "b")
    assert sorted(tree(tmp_path)) == [
        *["compiled", "compiled/__init__.py", "compiled/a.py", "compiled/b", "compiled/b/0"],
        *["compiled/b/0/data", "compiled/b/1", "compiled/b/1/data", "compiledai.lock"],
    ]


def test_equal_freezes_write_nothing(tmp_path: Path) -> None:
    """Unchanged files and an unchanged lock are not touched: their times stay."""
    commit(tmp_path, artifact("a", "a = 1\n"))
    for path in (tmp_path / "compiled" / "a.py", tmp_path / "compiledai.lock"):
        os.utime(path, (1, 1))

    done = commit(tmp_path, artifact("a", "a = 1\n"))

    assert (done.written, done.removed) == ((), ())
    assert (tmp_path / "compiled" / "a.py").stat().st_mtime == 1
    assert (tmp_path / "compiledai.lock").stat().st_mtime == 1


def test_the_order_of_staging_does_not_matter(tmp_path: Path) -> None:
    """Equal compiles give equal bytes, however the artifacts arrive."""
    a, b, c = artifact("a", "a"), artifact("b", "b"), artifact("c", "c")
    commit(tmp_path / "one", a, b, c)
    for made in (c, a, b):
        commit(tmp_path / "other", made)

    assert tree(tmp_path / "one") == tree(tmp_path / "other")


def test_a_renewal_writes_the_lock_only(tmp_path: Path) -> None:
    """An entry without its artifact changes no file."""
    made = artifact("a", "a = 1\n")
    commit(tmp_path, made)
    os.utime(tmp_path / "compiled" / "a.py", (1, 1))
    freeze = Freeze(tmp_path / "compiled", tmp_path / "compiledai.lock")

    freeze.stage((), [entry_of(made, evidence="d" * 64)])
    done = freeze.commit()

    assert done.written == ()
    assert done.lock.entries["a"].evidence == "d" * 64
    assert (tmp_path / "compiled" / "a.py").stat().st_mtime == 1
    assert_sound(tmp_path, "a")


def test_a_removed_artifact_leaves_nothing(tmp_path: Path) -> None:
    """The files of a dropped entry go, and folders that this leaves empty."""
    commit(tmp_path, artifact("a", "a"), artifact("b", "x", "y"))

    done = commit(tmp_path, removed=("b",))

    assert done.removed == ("b/0/data", "b/1/data")
    assert_sound(tmp_path, "a")
    assert sorted(tree(tmp_path)) == ["compiled", "compiled/a.py", "compiledai.lock"]


def test_a_new_shape_of_an_artifact_drops_its_old_files(tmp_path: Path) -> None:
    """Files that the new entry no longer names go with the same commit, whatever their shape."""
    commit(tmp_path, Artifact(name="a", files={"a/x": b"1", "a/y/z": b"2"}))

    commit(tmp_path, Artifact(name="a", files={"a/x/deep": b"3", "a/y": b"4"}))

    assert_sound(tmp_path, "a")
    assert tree(tmp_path / "compiled") == {"a": b"", "a/x": b"", "a/x/deep": b"3", "a/y": b"4"}


def test_removal_never_touches_what_no_entry_names(tmp_path: Path) -> None:
    """A stray file in the folder of a removed artifact is the user's."""
    commit(tmp_path, artifact("b", "x", "y"))
    (tmp_path / "compiled" / "b" / "notes").write_bytes(b"mine")

    commit(tmp_path, removed=("b",))

    assert tree(tmp_path / "compiled") == {"b": b"", "b/notes": b"mine"}


def test_a_file_that_is_gone_or_edited_is_written_again(tmp_path: Path) -> None:
    """What is on disk counts, not what the lock says: a mended file needs no change of the lock."""
    commit(tmp_path, artifact("a", "a = 1\n"), artifact("b", "b = 1\n"))
    (tmp_path / "compiled" / "a.py").write_bytes(b"edited")
    (tmp_path / "compiled" / "b.py").unlink()

    done = commit(tmp_path, artifact("a", "a = 1\n"), artifact("b", "b = 1\n"))

    assert done.written == ("a.py", "b.py")
    assert_sound(tmp_path, "a", "b")


def test_a_commit_changes_the_lock_that_another_run_wrote_meanwhile(tmp_path: Path) -> None:
    """Between staging and commit another run may freeze: its entry stays."""
    late = Freeze(tmp_path / "compiled", tmp_path / "compiledai.lock")
    a = artifact("a", "a")
    late.stage([a], [entry_of(a)])
    commit(tmp_path, artifact("b", "b"))

    late.commit()

    assert_sound(tmp_path, "a", "b")


def test_runs_at_once_lose_no_entry(tmp_path: Path) -> None:
    """Eight writers at one time take turns."""
    names = [f"n{number}" for number in range(8)]
    writers = [
        threading.Thread(target=commit, args=(tmp_path, artifact(name, name))) for name in names
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(timeout=60)

    assert_sound(tmp_path, *names)


def test_a_broken_table_of_another_artifact_is_kept(tmp_path: Path) -> None:
    """Freezing one artifact neither mends nor loses the broken table of another."""
    commit(tmp_path, artifact("a", "a"), artifact("b", "b"))
    path = tmp_path / "compiledai.lock"
    path.write_bytes(path.read_bytes().replace(b"attempts = 1", b"attempts = 7", 1))

    done = commit(tmp_path, artifact("c", "c"))

    assert list(done.before.faults) == ["a"]
    assert list(done.lock.entries) == ["b", "c"]
    assert b"attempts = 7" in path.read_bytes()


def test_a_lock_in_conflict_is_not_written(tmp_path: Path) -> None:
    """A lock that cannot be read is left to its user, and so are the files."""
    (tmp_path / "compiledai.lock").write_bytes(b"lock-version = 1\n<<<<<<< HEAD\n")
    before = tree(tmp_path)

    with pytest.raises(LockError, match="conflict markers"):
        commit(tmp_path, artifact("a", "a"))

    assert tree(tmp_path) == before


def test_an_artifact_has_to_be_what_its_entry_says(tmp_path: Path) -> None:
    """Bytes without an entry of their digest are refused before anything is written."""
    a = artifact("a", "a")
    freeze = Freeze(tmp_path / "compiled", tmp_path / "compiledai.lock")

    with pytest.raises(ValueError, match="not what its entry says"):
        freeze.stage([a], [])
    with pytest.raises(ValueError, match="not what its entry says"):
        freeze.stage([a], [entry_of(artifact("a", "other"))])


@pytest.mark.parametrize("path", ["../x", "/x", "a/../../x", ".next/x"])
def test_nothing_is_written_outside_the_out_folder(tmp_path: Path, path: str) -> None:
    """A path that leaves the out folder is refused, in an artifact and beside artifacts."""
    with pytest.raises((LockError, ValueError)):
        commit(tmp_path, Artifact(name="a", files={path: b"x"}))
    with pytest.raises(ValueError, match="cannot be frozen"):
        commit(tmp_path, **{path: "x"})

    assert tree(tmp_path) == {}


def test_an_entry_that_could_not_be_read_again_is_not_written(tmp_path: Path) -> None:
    """The lock's own text is read back before it is written."""
    a = artifact("a", "a")
    freeze = Freeze(tmp_path / "compiled", tmp_path / "compiledai.lock")
    freeze.stage([a], [entry_of(a, spec="../outside.yaml")])

    with pytest.raises(LockError, match=r"outside\.yaml"):
        freeze.commit()

    assert tree(tmp_path) == {}


@pytest.mark.parametrize("link", ["compiled", "compiled/b", "compiled/a.py", "compiled/.next"])
def test_symlinks_are_never_followed(tmp_path: Path, link: str) -> None:
    """A symlink anywhere on the way is refused, and what it points to stays as it is."""
    root, outside = tmp_path / "root", tmp_path / "outside"
    for folder in (root, outside):
        folder.mkdir()
    (outside / "a.py").write_bytes(b"outside")
    target = outside / "a.py" if link.endswith(".py") else outside
    (root / link).parent.mkdir(exist_ok=True)
    (root / link).symlink_to(target)
    before = tree(outside)

    with pytest.raises(ArtifactError, match="a symlink"):
        commit(root, artifact("a", "a"), artifact("b", "x", "y"))

    assert tree(outside) == before
    assert not (root / "compiledai.lock").exists()


def test_a_project_may_be_reached_over_a_symlink(tmp_path: Path) -> None:
    """What lies above the out folder and the lock is the user's affair."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")

    commit(tmp_path / "link", artifact("a", "a"))
    commit(tmp_path / "link", artifact("b", "b"))

    assert_sound(tmp_path / "real", "a", "b")


def test_a_symlinked_lock_is_refused(tmp_path: Path) -> None:
    """The lock is neither read nor replaced through a symlink."""
    (tmp_path / "elsewhere").write_bytes(b"lock-version = 1\n")
    (tmp_path / "compiledai.lock").symlink_to("elsewhere")

    with pytest.raises(LockError, match="a symlink"):
        commit(tmp_path, artifact("a", "a"))


def test_a_folder_in_the_way_is_named(tmp_path: Path) -> None:
    """Where a folder stands in a file's place, or a file in a folder's, nothing is written."""
    (tmp_path / "compiled" / "a.py").mkdir(parents=True)
    (tmp_path / "compiled" / "b").write_bytes(b"")
    before = tree(tmp_path)

    with pytest.raises(ArtifactError, match=r"compiled/a.py: found a folder; expected a file"):
        commit(tmp_path, artifact("a", "a"))
    with pytest.raises(ArtifactError, match=r"compiled/b: found a file; expected a folder"):
        commit(tmp_path, artifact("b", "x", "y"))

    assert tree(tmp_path) == before


#: Three folders, the staging folder, four files, the lock, the note, the journal.
STEPS_BEFORE_THE_JOURNAL = 11


@pytest.mark.parametrize("wanted", range(STEPS_BEFORE_THE_JOURNAL + 2))
def test_a_full_disk_leaves_all_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: int
) -> None:
    """Wherever room runs out while staging, the tree is as before and the error says so."""
    commit(tmp_path, artifact("a", "a"))
    before = tree(tmp_path)
    count = 0

    def step(word: str) -> None:
        nonlocal count
        count += 1
        if count == wanted + 1 and not word.startswith(("rename", "delete", "remove")):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    made = [artifact("a", "new"), artifact("b", "x", "y"), artifact("c", "z")]
    freeze = Freeze(tmp_path / "compiled", tmp_path / "compiledai.lock", step=step)
    freeze.stage(made, [entry_of(one) for one in made])
    if wanted < STEPS_BEFORE_THE_JOURNAL:
        with pytest.raises(ArtifactError, match="no space left on device"):
            freeze.commit()
        assert tree(tmp_path) == before
    else:
        freeze.commit()
        assert_sound(tmp_path, "a", "b", "c")


def test_a_read_only_tree_leaves_all_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that cannot be written is noticed before the journal is."""
    commit(tmp_path, artifact("a", "a"), artifact("b", "x", "y"))
    before = tree(tmp_path)
    locked = tmp_path / "compiled" / "b" / "1"
    monkeypatch.setattr(os, "access", lambda path, _: Path(path) != locked)

    with pytest.raises(ArtifactError, match="cannot be written"):
        commit(tmp_path, artifact("a", "new"), artifact("b", "x", "new"))

    assert tree(tmp_path) == before


def test_a_lock_on_another_file_system_is_replaced_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An out folder that is a mount of its own cannot rename into the folder of the lock."""
    rename = Path.replace

    def refuse(self: Path, target: Path) -> Path:
        if self.parent.name == ".next" and target.name == "compiledai.lock":
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        return rename(self, target)

    monkeypatch.setattr(stage_module.Path, "replace", refuse)

    commit(tmp_path, artifact("a", "a"))

    assert_sound(tmp_path, "a")


def test_the_lock_file_of_a_turn_lies_outside_the_tree(tmp_path: Path) -> None:
    """`git status` shows artifacts and lock only."""
    seen: set[str] = set()
    freeze = Freeze(
        tmp_path / "compiled",
        tmp_path / "compiledai.lock",
        step=lambda _: seen.update(tree(tmp_path)),
    )
    a = artifact("a", "a")
    freeze.stage([a], [entry_of(a)])
    freeze.commit()

    assert {path for path in seen if not path.startswith("compiled/.next")} <= {
        *["compiled", "compiled/a.py", "compiledai.lock"]
    }


def test_nothing_staged_writes_nothing(tmp_path: Path) -> None:
    """A run without results makes neither a folder nor an empty lock."""
    commit(tmp_path)

    assert tree(tmp_path) == {}
