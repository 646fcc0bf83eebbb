"""`ci merge`: the parts of a matrix as one run; and, where asked, what they froze, written.

Writing goes through the one writer. Nothing is judged here: the run that froze an artifact asked
every gate, and the change that brings it in is judged again by locked mode.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pytest_compiledai.ci import junit
from pytest_compiledai.ci.record import FILE
from pytest_compiledai.ci.record import FROZEN
from pytest_compiledai.ci.record import RECORDINGS
from pytest_compiledai.ci.record import Record
from pytest_compiledai.ci.record import read_record
from pytest_compiledai.ci.running import FORMS
from pytest_compiledai.ci.running import JUNIT
from pytest_compiledai.core.artifact import Artifact
from pytest_compiledai.core.entry import read_entry
from pytest_compiledai.core.errors import ArtifactError
from pytest_compiledai.core.files import atomic_write
from pytest_compiledai.core.freeze import Freeze
from pytest_compiledai.core.lock import Lock
from pytest_compiledai.core.lock import parse
from pytest_compiledai.core.paths import path_fault
from pytest_compiledai.core.paths import read_plain
from pytest_compiledai.core.paths import refuse_symlinks
from pytest_compiledai.core.place import Place
from pytest_compiledai.core.result import Result
from pytest_compiledai.report.write import write_foreign
from pytest_compiledai.runtime.stubs import beside
from pytest_compiledai.runtime.stubs import stubs_of
from pytest_compiledai.summary import LockDiff

#: The only files that a merge writes beside artifacts and lock.
_RECORDING = re.compile(r"(?:[0-9a-f]{64}\.[\w.+-]{1,200}|[a-z][a-z0-9_]{0,63}\.reference)\.json")


def merge(folders: Sequence[Path], into: Path, *, root: Path, write: bool) -> Record:
    """Write the reports of all parts as those of one run and return its record.

    With ``write``, also write the entries and artifacts that the parts froze, and what they
    recorded. Raises ``ArtifactError`` for a part that is missing, two that disagree, and a lock
    that is another one than the parts began from; nothing is written to the project then.
    """
    records = [read_record(folder) for folder in folders]
    record = merged(records)
    atomic_write(into / JUNIT, junit.merge(folders, JUNIT))
    write_foreign([into / name for name in FORMS], record.facts(root), where="ci merge")
    if write:
        _write(record, folders, root)
    atomic_write(into / FILE, record.render())
    return record


def merged(records: Sequence[Record]) -> Record:
    """Return the one run that ``records`` are the parts of. Raises ``ArtifactError``."""
    first = records[0]
    _check_parts(records)
    results = sorted((r for record in records for r in record.results), key=lambda r: r.unit)
    missing = sorted(set(first.collected) - {result.unit for result in results})
    return replace(
        first,
        results=tuple(results),
        sandboxes=_once_each(records),
        outside=(
            *dict.fromkeys(text for record in records for text in record.outside),
            *(f"{name}: found no result of it; expected one in some part" for name in missing),
        ),
        diff=_diff(records),
        shard=None,
    )


def _check_parts(records: Sequence[Record]) -> None:
    first = records[0]
    shards = [record.shard for record in records if record.shard is not None]
    of = max((shard.of for shard in shards), default=1)
    numbers = sorted(shard.number for shard in shards) or [1] * len(records)
    if numbers != list(range(1, of + 1)) or len({shard.of for shard in shards}) > 1:
        raise _fault(f"the parts {', '.join(map(str, shards)) or 'without a number'}", "each once")
    for record in records:
        for name in ("mode", "out", "collected"):
            if getattr(record, name) != getattr(first, name):
                raise _fault(f"parts that differ in `{name}`", "runs of one commit, asked alike")
        for result in record.results:
            if record.shard is not None and not record.shard.holds(result.unit):
                raise _fault(f"{result.unit} in part {record.shard}", "the part of its name")


def _once_each(records: Sequence[Record]) -> tuple[Mapping[str, str], ...]:
    """Return the sandboxes of all parts; two machines may hold code by the same one."""
    found: list[Mapping[str, str]] = []
    for record in records:
        found += [sandbox for sandbox in record.sandboxes if sandbox not in found]
    return tuple(found)


def _diff(records: Sequence[Record]) -> LockDiff | None:
    diffs = [record.diff for record in records if record.diff is not None]
    if not diffs:
        return None
    return LockDiff(
        path=diffs[0].path,
        added={name: new for diff in diffs for name, new in sorted(diff.added.items())},
        changed={name: pair for diff in diffs for name, pair in sorted(diff.changed.items())},
        dropped=tuple(sorted({name for diff in diffs for name in diff.dropped})),
    )


def _write(record: Record, folders: Sequence[Path], root: Path) -> None:
    out = root / record.out
    lock_path = out.parent / "compiledai.lock"
    shown = lock_path.relative_to(root).as_posix()
    lock = parse(lock_path.read_bytes(), shown) if lock_path.exists() else Lock()
    diff = record.diff or LockDiff(path=shown)
    _check_beginning(lock, diff)
    changed = list(record.changed())
    entries = [read_entry(result.unit, result.entry, Place(path=shown)) for result in changed]
    artifacts = [_artifact(result, folders) for result in changed]
    recorded = dict(_recordings(folders, root))
    if entries or diff.dropped:
        freeze = Freeze(out, lock_path, index=beside)
        try:
            freeze.stage(artifacts, entries, diff.dropped, beside=stubs_of(artifacts))
        except ValueError as error:
            raise _fault(str(error), "the bytes that the entries name") from None
        freeze.commit()
    for path, data in recorded.items():
        atomic_write(root / path, data)


def _check_beginning(lock: Lock, diff: LockDiff) -> None:
    """Raise where an entry is another one here than where a part began: both would change it."""
    begun = dict.fromkeys(diff.added) | {n: old for n, (old, _) in diff.changed.items()}
    after = dict(diff.added) | {name: new for name, (_, new) in diff.changed.items()}
    for name, old in sorted(begun.items()):
        entry = lock.entries.get(name)
        here = entry.digest if entry else None
        if here not in (old, after[name]):
            raise _fault(
                f"an entry of {name} that changed since the parts began", "the commit they ran on"
            )


def _artifact(result: Result, folders: Sequence[Path]) -> Artifact:
    for folder in folders:
        if all((folder / FROZEN / path).is_file() for path in result.files):
            files = {path: read_plain(folder / FROZEN, path) for path in sorted(result.files)}
            return Artifact(name=result.unit, files=files)
    raise _fault(f"no files of {result.unit}", f"them in `{FROZEN}` of the part that froze it")


def _recordings(folders: Sequence[Path], root: Path) -> Iterator[tuple[str, bytes]]:
    found: dict[str, bytes] = {}
    for folder in folders:
        top = folder / RECORDINGS
        for file in sorted(top.rglob("*")):
            path = file.relative_to(top).as_posix()
            if file.is_dir() and not file.is_symlink():
                continue
            if path_fault(path) or not _RECORDING.fullmatch(file.name):
                raise _fault(f"`{path}` in `{RECORDINGS}`", "recordings alone")
            refuse_symlinks(root, path)
            data = read_plain(top, path)
            if found.setdefault(path, data) != data:
                raise _fault(f"two recordings called `{path}`", "one answer to one request")
            yield path, data


def _fault(found: str, expected: str) -> ArtifactError:
    return ArtifactError(
        where="ci merge",
        found=found,
        expected=expected,
        next="run the parts again on the commit to merge into, then merge",
    )
