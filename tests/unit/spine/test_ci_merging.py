"""Parts of a matrix become one run, or nothing is written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pytest_compiledai.ci.junit import merge as merge_junit
from pytest_compiledai.ci.merging import merge
from pytest_compiledai.ci.merging import merged
from pytest_compiledai.ci.record import FILE
from pytest_compiledai.ci.record import FROZEN
from pytest_compiledai.ci.record import RECORDINGS
from pytest_compiledai.ci.record import Record
from pytest_compiledai.ci.record import read_record
from pytest_compiledai.ci.shard import Shard
from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.errors import ArtifactError
from pytest_compiledai.core.lock import Lock
from pytest_compiledai.core.lock import parse
from pytest_compiledai.core.lock import render
from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.summary import LockDiff

RECORDING = f"specs/recordings/{'a' * 64}.bridge+llm.json"
CASE = '<testcase classname="specs/{unit}.yaml.{unit}" name="{gate}" time="0.5">{inner}</testcase>'
SUITE = '<testsuites><testsuite tests="1" time="1.25">{cases}</testsuite></testsuites>'
UNITS = {1: "half", 2: "again"}  # the parts of two that their names fall into


@pytest.fixture
def parts(tmp_path, result_of, entry_of):
    """Return the folders of two parts that froze a unit each, and a folder to write into."""
    folders = []
    for number, unit in UNITS.items():
        folder = tmp_path / f"part{number}"
        data = f"# {unit}\n".encode()
        entry = entry_of(name=unit, files={f"{unit}.py": digest(data)})
        record = Record(
            mode="compile",
            live=True,
            out="compiled",
            collected=("again", "half"),
            results=(
                result_of(
                    unit=unit,
                    files=dict(entry.files),
                    entry=entry.table() | {"entry": entry.digest},
                ),
            ),
            diff=LockDiff(path="compiledai.lock", added={unit: entry.digest}),
            shard=Shard(number=number, of=2),
        )
        files = {
            FILE: record.render(),
            f"{FROZEN}/{unit}.py": data,
            f"{RECORDINGS}/{RECORDING}": b"{}\n",
            "junit.xml": SUITE.format(cases=CASE.format(unit=unit, gate="fuzz", inner="")).encode(),
        }
        for path, content in files.items():
            write(folder / path, content)
        folders.append(folder)
    (tmp_path / "project").mkdir()
    return folders


def write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


@pytest.fixture
def joined(parts, tmp_path):
    """Return a merge of the parts into the project."""

    def join(*folders, write=True):
        chosen = folders or parts
        return merge(chosen, tmp_path / "merged", root=tmp_path / "project", write=write)

    return join


def project_of(tmp_path: Path) -> list[str]:
    files = (path for path in (tmp_path / "project").rglob("*") if path.is_file())
    return sorted(path.relative_to(tmp_path / "project").as_posix() for path in files)


def test_what_the_parts_froze_is_written_together(joined, tmp_path):
    """One lock with all entries, every artifact and every recording; a second time changes nothing."""
    record = joined()
    lock = (tmp_path / "project" / "compiledai.lock").read_bytes()
    joined()

    assert record.good
    assert sorted(parse(lock).entries) == ["again", "half"]
    assert lock == (tmp_path / "project" / "compiledai.lock").read_bytes()
    assert project_of(tmp_path) == [
        "compiled/__init__.py",
        "compiled/__init__.pyi",
        "compiled/again.py",
        "compiled/again.pyi",
        "compiled/half.py",
        "compiled/half.pyi",
        "compiledai.lock",
        RECORDING,
    ]


def test_reports_are_merged_without_writing(joined, tmp_path):
    """Without being asked, a merge leaves the project alone."""
    joined(write=False)

    assert project_of(tmp_path) == []
    assert len(list((tmp_path / "merged").iterdir())) == 6


def change_record(folder: Path, **changes) -> None:
    (folder / FILE).write_bytes(replace(read_record(folder), **changes).render())


def change_latency(folder: Path, figures) -> None:
    (result,) = read_record(folder).results
    verdicts = (*result.verdicts, Verdict(gate="latency", figures=figures))
    change_record(folder, results=(replace(result, verdicts=verdicts),))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda parts: write(parts[0] / FROZEN / "half.py", b"x"), "not what its entry says"),
        (lambda parts: (parts[0] / FROZEN / "half.py").unlink(), "no files of half"),
        (lambda parts: write(parts[1] / RECORDINGS / RECORDING, b"[]"), "two recordings"),
        (lambda parts: write(parts[1] / RECORDINGS / "conftest.py", b""), "conftest.py"),
        (lambda parts: write(parts[1] / RECORDINGS / ".github/x.json", b""), "x.json"),
        (lambda parts: change_record(parts[1], mode="locked"), "differ in `mode`"),
        (lambda parts: change_record(parts[1], out="other"), "differ in `out`"),
        (
            lambda parts: change_record(parts[1], collected=("again", "half", "more")),
            "differ in `collected`",
        ),
        (lambda parts: change_record(parts[1], shard=Shard(number=2, of=3)), "the parts"),
        (lambda parts: change_record(parts[1], shard=Shard(number=1, of=2)), "the parts"),
        (lambda parts: change_record(parts[1], shard=None), "the parts"),
        (lambda parts: (parts[1] / FILE).unlink(), "no record"),
        (
            lambda parts: change_latency(parts[1], {"p50_ms": 1, "quantiles_ms": {"p10": "wide"}}),
            "figures of a verdict",
        ),
        (lambda parts: change_latency(parts[1], {"quantiles_ms": [1e308]}), "figures of a verdict"),
        (lambda parts: (parts[1] / "junit.xml").write_bytes(b"<a"), "no XML"),
        (lambda parts: (parts[1] / "junit.xml").write_bytes(b"<!DOCTYPE a>"), "document type"),
    ],
)
def test_parts_that_disagree_write_nothing(parts, joined, tmp_path, spoil, reason):
    """A part that is missing, doubled, changed or of another run is an error."""
    spoil(parts)

    with pytest.raises(ArtifactError, match=reason):
        joined()

    assert project_of(tmp_path) == []


def test_a_part_alone_is_not_the_whole(parts, joined):
    """A job that did not end leaves no part, and the merge says so."""
    with pytest.raises(ArtifactError, match="the parts 1/2"):
        joined(parts[0])


def test_an_entry_that_changed_meanwhile_is_a_conflict(joined, tmp_path, entry_of):
    """Two changes of one artifact are never merged; other artifacts may have changed."""
    lock = tmp_path / "project" / "compiledai.lock"
    other = Lock().with_entries(entry_of(name="other", files={"other.py": "f" * 64}))
    lock.write_bytes(render(other))
    joined()
    assert sorted(parse(lock.read_bytes()).entries) == ["again", "half", "other"]

    lock.write_bytes(render(other.with_entries(entry_of(name="half", files={"half.py": "f" * 64}))))
    with pytest.raises(ArtifactError, match="an entry of half that changed since"):
        joined()


def test_a_unit_in_another_part_than_its_own_is_an_error(parts, joined):
    """Parts that overlap could both freeze it."""
    moved = read_record(parts[0]).results
    change_record(parts[1], results=(*read_record(parts[1]).results, *moved))

    with pytest.raises(ArtifactError, match="half in part 2/2"):
        joined()


def test_a_unit_without_a_result_fails_the_whole(parts, joined):
    """A part that ended early is no pass of its units."""
    change_record(parts[0], results=(), diff=None)

    record = joined()

    assert not record.good
    assert record.outside == ("half: found no result of it; expected one in some part",)


def test_what_every_part_says_is_said_once(parts):
    """A spec that cannot be read fails in each part and is one failure."""
    for folder in parts:
        change_record(folder, outside=("specs/x.yaml:1: found a; expected b",))

    record = merged([read_record(folder) for folder in parts])

    assert len(record.outside) == 1


def test_junit_counts_each_case_once(tmp_path):
    """Counts are of the merged cases; an unreadable file is one error, another case twice none."""
    failed = CASE.format(unit="a", gate="fuzz", inner='<failure message="&lt;b&gt;">x</failure>')
    broken = CASE.format(unit="x", gate="", inner='<error message="e">x</error>')
    skipped = CASE.format(unit="b", gate="fuzz", inner="<skipped/>")
    for name, cases in {"1": failed + broken, "2": skipped + broken}.items():
        write(tmp_path / name / "junit.xml", SUITE.format(cases=cases).encode())
    folders = [tmp_path / "1", tmp_path / "2"]

    text = merge_junit(folders, "junit.xml").decode()

    counts = 'tests="3" errors="1" failures="1" skipped="1" time="2.500"'
    assert counts in text
    assert 'message="&lt;b&gt;"' in text
    with pytest.raises(ArtifactError, match=r"specs/a\.yaml\.a::fuzz twice"):
        merge_junit([tmp_path / "1", tmp_path / "1"], "junit.xml")
