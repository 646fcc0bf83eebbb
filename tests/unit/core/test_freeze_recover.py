"""What the next run does with what a killed one left: it finishes or drops, never mixes."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import pytest

from pytest_compiledai.core.artifact import Artifact
from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.errors import ArtifactError
from pytest_compiledai.core.freeze import Freeze
from pytest_compiledai.core.freeze import Recovery
from pytest_compiledai.core.freeze import recover
from pytest_compiledai.core.journal import read_journal
from pytest_compiledai.core.lock import Entry
from pytest_compiledai.core.lock import parse
from pytest_compiledai.core.turn import turn
from pytest_compiledai.core.verify import verify


class KilledError(BaseException):
    """Stands for a kill: nothing after it runs, as no handler of ours may tidy up."""


def freeze_of(root: Path, *versions: tuple[str, str], step=lambda _: None, **removed) -> Freeze:
    freeze = Freeze(root / "compiled", root / "compiledai.lock", step=step)
    made = [
        Artifact(name=name, files={f"{name}.py": text.encode(), f"{name}/x": text.encode()})
        for name, text in versions
    ]
    entries = [
        Entry(
            name=one.name,
            kind="function",
            spec="specs/all.yaml",
            files=one.digests(),
            source="b" * 64,
            evidence="c" * 64,
            proposer="some/model",
            attempts=1,
            target="python>=3.11",
            gates=("security@1",),
        )
        for one in made
    ]
    freeze.stage(made, entries, **removed)
    return freeze


def tree(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def recovered(root: Path, said: list[str] | None = None) -> Recovery:
    say = said.append if said is not None else lambda _: None
    return recover(root / "compiled", root / "compiledai.lock", say=say)


def killed_at(root: Path, word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Freeze a second version of `a` and a new `b`, removing `gone`, and stop at a step."""

    def step(now: str) -> None:
        if now == word:
            raise KilledError

    # A kill runs no clean-up, so the clean-up of errors has to do nothing here.
    with monkeypatch.context() as patch:
        patch.setattr("pytest_compiledai.core.stage.shutil.rmtree", lambda *_, **__: None)
        patch.setattr("pytest_compiledai.core.stage.Path.rmdir", lambda _: None)
        with pytest.raises(KilledError):
            freeze_of(root, ("a", "two"), ("b", "new"), step=step, removed=["gone"]).commit()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    freeze_of(tmp_path, ("a", "one"), ("gone", "one")).commit()
    return tmp_path


@pytest.fixture
def after(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return the tree as it is when nothing was killed."""
    root = tmp_path_factory.mktemp("after")
    freeze_of(root, ("a", "one"), ("gone", "one")).commit()
    freeze_of(root, ("a", "two"), ("b", "new"), removed=["gone"]).commit()
    return tree(root)


def test_a_tree_without_leftovers_is_clean(root: Path) -> None:
    """Nothing to do, nothing done; not even a folder is made."""
    assert recovered(root) is Recovery.CLEAN
    assert recovered(root / "nowhere") is Recovery.CLEAN
    assert not (root / "nowhere").exists()


@pytest.mark.parametrize("word", ["write a staged file", "write the journal"])
def test_before_the_journal_everything_is_dropped(
    root: Path, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    """Staged files without a journal are nothing: the old state stands."""
    before = tree(root)
    killed_at(root, word, monkeypatch)
    assert (root / "compiled" / ".next").exists()

    assert recovered(root) is Recovery.DROPPED
    assert tree(root) == before


@pytest.mark.parametrize(
    "word", ["remove a file", "rename a file", "rename the lock", "delete the journal"]
)
def test_after_the_journal_everything_is_finished(
    root: Path, after: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    """With a journal the new state comes about, however far the killed run got."""
    killed_at(root, word, monkeypatch)

    assert recovered(root) is Recovery.FINISHED
    assert tree(root) == after
    assert recovered(root) is Recovery.CLEAN


def test_after_the_journal_is_gone_the_rest_is_dropped(
    root: Path, after: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal goes first, so what is left of the staging folder is nothing to finish."""
    killed_at(root, "delete the staging folder", monkeypatch)

    assert recovered(root) is Recovery.DROPPED
    assert tree(root) == after


def test_a_commit_recovers_first(
    root: Path, after: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next run that freezes anything finishes the killed one before it begins."""
    killed_at(root, "rename a file", monkeypatch)

    done = freeze_of(root, ("c", "later")).commit()

    assert done.recovery is Recovery.FINISHED
    lock = parse((root / "compiledai.lock").read_bytes())
    assert list(lock.entries) == ["a", "b", "c"]
    assert all(verify(entry, root / "compiled") == () for entry in lock.entries.values())


def test_a_lock_that_changed_meanwhile_is_respected(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody who pulled or merged after the kill wins, and is told what was dropped."""
    killed_at(root, "rename a file", monkeypatch)
    (root / "compiledai.lock").write_bytes(b"lock-version = 1\n")
    said: list[str] = []

    assert recovered(root, said) is Recovery.DROPPED
    assert (root / "compiledai.lock").read_bytes() == b"lock-version = 1\n"
    assert not (root / "compiled" / ".next").exists()
    assert "compiledai.lock was changed meanwhile" in said[0]
    assert "pytest --compile" in said[0]


@pytest.mark.parametrize("name", ["0", "lock"])
def test_a_staged_file_that_is_not_what_the_journal_says_drops_all(
    root: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Nothing of a freeze is put in place when any part of it is lost or changed."""
    before = tree(root)
    killed_at(root, "remove a file", monkeypatch)
    (root / "compiled" / ".next" / name).write_bytes(b"other")
    said: list[str] = []

    assert recovered(root, said) is Recovery.DROPPED
    assert tree(root) == before
    assert len(said) == 1


def planted(root: Path, journal: object, *, vouched: bool = True) -> None:
    """Write a journal that fits the lock as it stands, so that only its own fault can stop it."""
    folder = root / "compiled" / ".next"
    folder.mkdir()
    (folder / "0").write_bytes(b"planted")
    data = journal if isinstance(journal, bytes) else json.dumps(journal).encode()
    lock = digest((root / "compiledai.lock").read_bytes())
    data = data.replace(b"LOCK", lock.encode())
    (folder / "journal.json").write_bytes(data)
    if vouched:
        journal = read_journal(data)
        with turn(root / "compiledai.lock") as note:
            note.write(journal.render() if journal else data)


GOOD = {"version": 1, "files": [], "removed": [], "old": "LOCK", "new": "LOCK"}
MOVE = {"staged": "0", "target": "x.py", "sha256": digest(b"planted")}


def test_a_journal_that_this_user_noted_is_finished(root: Path) -> None:
    """The journals of the next tests would move and remove, were it not for their fault."""
    planted(root, GOOD | {"files": [MOVE], "removed": ["gone.py"]})

    assert recovered(root) is Recovery.FINISHED
    assert (root / "compiled" / "x.py").read_bytes() == b"planted"
    assert not (root / "compiled" / "gone.py").exists()


def test_a_journal_that_came_with_the_tree_installs_nothing(root: Path) -> None:
    """A repository can bring along a whole journal: nobody judged what it would install."""
    before = tree(root)
    planted(root, GOOD | {"files": [MOVE], "removed": ["gone.py"]}, vouched=False)
    said: list[str] = []

    assert recovered(root, said) is Recovery.DROPPED
    assert tree(root) == before
    assert "a journal that no run of this user left for this place" in said[0]


def test_a_note_is_for_one_journal_and_one_place(root: Path, tmp_path_factory) -> None:
    """Neither another journal nor the same one in a copy of the tree is finished."""
    planted(root, GOOD | {"files": [MOVE]})
    copy = tmp_path_factory.mktemp("copy") / "tree"
    shutil.copytree(root, copy)
    journal = root / "compiled" / ".next" / "journal.json"
    journal.write_bytes(journal.read_bytes().replace(b"x.py", b"y.py"))

    assert recovered(root) is Recovery.DROPPED
    assert recovered(copy) is Recovery.DROPPED


def test_a_finished_freeze_leaves_no_note(root: Path) -> None:
    """A journal of yesterday cannot be finished today, though a run of this user wrote it."""
    planted(root, GOOD | {"files": [MOVE]})
    journal = (root / "compiled" / ".next" / "journal.json").read_bytes()
    recovered(root)
    (root / "compiled" / "x.py").unlink()
    planted(root, journal, vouched=False)

    assert recovered(root) is Recovery.DROPPED
    assert not (root / "compiled" / "x.py").exists()


def test_a_folder_that_is_anothers_holds_no_note(root: Path, tmp_path, monkeypatch) -> None:
    """The folder of the notes may not be a link to somewhere else."""
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "pytest-compiledai").symlink_to(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    with pytest.raises(ArtifactError, match="a folder of another user, or none"):
        recovered(root)


def test_without_a_home_the_note_lies_in_the_temporary_folder(root: Path, monkeypatch) -> None:
    """A container without a home can freeze too."""
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")

    with turn(root / "compiledai.lock") as note:
        assert note.path.is_relative_to(tempfile.gettempdir())


@pytest.mark.parametrize(
    "journal",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        {},
        GOOD | {"version": 2},
        GOOD | {"extra": 1},
        GOOD | {"new": "a"},
        GOOD | {"old": "a"},
        GOOD | {"removed": ["../victim"]},
        GOOD | {"removed": ["/victim"]},
        GOOD | {"removed": [".next/0"]},
        GOOD | {"removed": [1]},
        GOOD | {"removed": 1},
        GOOD | {"files": [MOVE | {"target": "../victim"}]},
        GOOD | {"files": [MOVE | {"staged": "../../victim", "sha256": digest(b"victim")}]},
        GOOD | {"files": [MOVE | {"target": ".next/journal.json"}]},
        GOOD | {"files": [MOVE | {"sha256": "a"}]},
        GOOD | {"files": [MOVE | {"more": 1}]},
        GOOD | {"files": [{}]},
    ],
)
def test_a_journal_that_is_not_ours_is_dropped(root: Path, journal: object) -> None:
    """A broken, foreign or hostile journal moves nothing and removes nothing."""
    (root / "victim").write_bytes(b"victim")
    before = tree(root)
    planted(root, journal)

    assert recovered(root) is Recovery.DROPPED
    assert tree(root) == before


def test_a_staging_file_in_place_of_the_folder_is_dropped(root: Path) -> None:
    """Whatever lies under the staging folder's name is ours to drop."""
    (root / "compiled" / ".next").write_bytes(b"")

    assert recovered(root) is Recovery.DROPPED
    assert not (root / "compiled" / ".next").exists()


def test_a_symlinked_staging_folder_is_refused(root: Path, tmp_path_factory) -> None:
    """A symlink under the staging folder's name is neither followed nor deleted."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "keep").write_bytes(b"keep")
    (root / "compiled" / ".next").symlink_to(elsewhere)

    with pytest.raises(ArtifactError, match="symlink"):
        recovered(root)

    assert (elsewhere / "keep").read_bytes() == b"keep"
