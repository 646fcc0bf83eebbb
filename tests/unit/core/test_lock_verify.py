"""Files against their entry: each way in which they can differ has a finding of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.lock import Entry
from pytest_compiledai.core.lock import Lock
from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.core.verify import verify


def entry(name: str, files: dict[str, bytes]) -> Entry:
    return Entry(
        name=name,
        kind="function",
        spec="specs/tickets.yaml",
        files={path: digest(data) for path, data in files.items()},
        source="b" * 64,
        evidence="c" * 64,
        proposer="some/model",
        attempts=2,
        target="python>=3.11",
        gates=("security@1",),
    )


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "compiled"
    folder.mkdir()
    (folder / "a.py").write_bytes(b"a = 1\n")
    return folder


A = entry("a", {"a.py": b"a = 1\n"})


def only(findings: tuple[Finding, ...]) -> Finding:
    assert len(findings) == 1
    return findings[0]


def test_what_was_frozen_has_no_findings(out: Path) -> None:
    """Equal bytes are all that is asked."""
    assert verify(A, out) == ()


def test_a_missing_file(out: Path) -> None:
    """A file that is gone is said to be missing, with two ways to get it back."""
    (out / "a.py").unlink()

    found = only(verify(A, out))

    assert (found.rule, found.path) == ("lock.missing", "compiled/a.py")
    assert "git checkout -- compiled/a.py" in found.message
    assert "pytest --compile specs/tickets.yaml" in found.message


def test_an_edited_file(out: Path) -> None:
    """A changed byte is an edit by hand, to restore or to take."""
    (out / "a.py").write_bytes(b"a = 2\n")

    found = only(verify(A, out, shown="src/compiled"))

    assert found.rule == "lock.edited"
    assert found.message == (
        "src/compiled/a.py: found bytes edited by hand; expected the file that the lock's entry "
        "`a` names; next: restore it with `git checkout -- src/compiled/a.py` or take it with "
        "`pytest --compile-accept specs/tickets.yaml -k a`"
    )


def test_a_checkout_with_crlf(out: Path) -> None:
    """Line ends that git changed are told apart from an edit, and mended by an attribute."""
    (out / "a.py").write_bytes(b"a = 1\r\n")

    found = only(verify(A, out))

    assert found.rule == "lock.line-ends"
    assert "`compiled/** text eol=lf` to .gitattributes" in found.message


def test_a_symlink_is_refused_even_to_the_right_bytes(out: Path) -> None:
    """What a symlink points to can change without the tree changing."""
    (out / "a.py").rename(out.parent / "elsewhere")
    (out / "a.py").symlink_to("../elsewhere")

    found = only(verify(A, out))

    assert found.rule == "lock.not-plain"
    assert "a symlink" in found.message


def test_a_symlinked_folder_is_refused(out: Path) -> None:
    """No part of the path below the out folder, nor that folder, may be a symlink."""
    b = entry("b", {"b/x": b"x"})
    (out.parent / "real").mkdir()
    (out.parent / "real" / "x").write_bytes(b"x")
    (out / "b").symlink_to("../real")
    (out.parent / "linked").symlink_to("compiled")

    assert only(verify(b, out)).rule == "lock.not-plain"
    assert only(verify(A, out.parent / "linked")).rule == "lock.not-plain"


def test_a_folder_in_the_way(out: Path) -> None:
    """A folder where the file should be is named as one."""
    (out / "a.py").unlink()
    (out / "a.py").mkdir()

    found = only(verify(A, out))

    assert found.rule == "lock.not-plain"
    assert "a folder" in found.message


def test_a_file_where_a_folder_should_be(out: Path) -> None:
    """A file in the place of the artifact's folder leaves the artifact's files missing."""
    (out / "b").write_bytes(b"")

    assert only(verify(entry("b", {"b/x": b"x"}), out)).rule == "lock.missing"


def test_files_that_no_entry_names_in_an_artifacts_folder(out: Path) -> None:
    """A stray file in the folder of an artifact is a finding; stray files elsewhere are not its."""
    b = entry("b", {"b/x": b"x"})
    (out / "b" / "deep").mkdir(parents=True)
    (out / "b" / "x").write_bytes(b"x")
    (out / "b" / "deep" / "y").write_bytes(b"y")
    (out / "b" / "link").symlink_to("deep")
    (out / "stray.py").write_bytes(b"")

    found = verify(b, out)

    assert [(finding.rule, finding.path) for finding in found] == [
        ("lock.extra", "compiled/b/link"),
        ("lock.extra", "compiled/b/deep/y"),
    ]


def test_a_swapped_pair_is_named(out: Path) -> None:
    """Two entries, or two files, that changed places are told from an edit on both sides."""
    (out / "b.py").write_bytes(b"b = 1\n")
    a, b = entry("a", {"a.py": b"b = 1\n"}), entry("b", {"b.py": b"a = 1\n"})
    lock = Lock().with_entries(a, b)

    first, second = only(verify(a, out, lock=lock)), only(verify(b, out, lock=lock))

    assert first.rule == second.rule == "lock.swapped"
    assert "a swapped pair: it holds the bytes of `b`, and `b` its own" in first.message
    assert "a swapped pair: it holds the bytes of `a`, and `a` its own" in second.message


def test_a_copy_of_another_artifact_is_no_swapped_pair(out: Path) -> None:
    """One file with another's bytes is named as that."""
    (out / "a.py").write_bytes(b"b = 1\n")
    (out / "b.py").write_bytes(b"b = 1\n")
    lock = Lock().with_entries(A, entry("b", {"b.py": b"b = 1\n"}))

    found = only(verify(A, out, lock=lock))

    assert found.rule == "lock.swapped"
    assert "found the bytes of `b`;" in found.message


def test_every_file_of_an_artifact_is_looked_at(out: Path) -> None:
    """Findings come in the order of paths, one a file."""
    b = entry("b", {"b/x": b"x", "b/y": b"y", "b/z": b"z"})
    (out / "b").mkdir()
    (out / "b" / "y").write_bytes(b"y")

    assert [finding.path for finding in verify(b, out)] == ["compiled/b/x", "compiled/b/z"]
