"""What is frozen: the lock as this process read it, the artifacts it names, what the run adds."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.canonical import digest_of
from pytest_compiledai.core.entry import TARGET
from pytest_compiledai.core.entry import Entry
from pytest_compiledai.core.entry import read_entry
from pytest_compiledai.core.errors import ArtifactError
from pytest_compiledai.core.errors import LockError
from pytest_compiledai.core.lock import Lock
from pytest_compiledai.core.lock import LockReading
from pytest_compiledai.core.lock import read_lock
from pytest_compiledai.core.lock import read_lock_file
from pytest_compiledai.core.paths import read_plain
from pytest_compiledai.core.place import Place
from pytest_compiledai.core.verify import verify
from pytest_compiledai.settings import Mode

if TYPE_CHECKING:
    from pytest_compiledai.core.kind import Judged
    from pytest_compiledai.core.result import Result
    from pytest_compiledai.core.unit import Unit
    from pytest_compiledai.core.verdict import Verdict
    from pytest_compiledai.run import Run


def basis_of(verdicts: Iterable[Verdict]) -> str:
    """Return whether verdicts rest on measured time or on seconds of a model of the machine."""
    modelled = any(verdict.figures.get("basis") == "modelled" for verdict in verdicts)
    return "modelled" if modelled else "measured"


def claims_another_basis(entry: Entry, verdicts: Sequence[Verdict]) -> bool:
    """Return whether an entry names another basis than its verdicts, where all are there."""
    asked = {verdict.gate for verdict in verdicts}
    is_whole = asked.issuperset(gate.partition("@")[0] for gate in entry.gates)
    return is_whole and entry.basis != basis_of(verdicts)


class Frozen:
    """The lock and the out folder, as a run sees them before it writes."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.settings = run.settings

    @cached_property
    def reading(self) -> LockReading:
        """The lock, read once. Raises ``LockError`` when the file as a whole cannot be read."""
        shown = self.settings.shown_lock
        data = read_lock_file(self.settings.lock, shown)
        if not self.settings.mode.writes:  # what a writing run ends with has to be signed anew
            self.settings.trust.check(self.settings.lock, data, shown)
        return read_lock(data, shown) if data else LockReading(lock=Lock())

    def entry(self, unit: Unit) -> Entry | None:
        """Return the entry of ``unit``.

        Raises ``LockError`` for a table that cannot be trusted and ``ArtifactError`` for files that
        are not what it says, unless this run replaces or accepts them.
        """
        mode = self.settings.mode
        fault = self.reading.faults.get(unit.name)
        if fault is not None:
            if mode is Mode.UPDATE:
                return None
            # Whoever reads a lock knows no spec; the unit knows its own.
            following = fault.next.replace("specs/", unit.place.path)
            raise LockError(
                where=fault.where, found=fault.found, expected=fault.expected, next=following
            )
        entry = self.reading.lock.entries.get(unit.name)
        if entry is not None and mode not in (Mode.UPDATE, Mode.ACCEPT):
            self._refuse_edited(entry)
        return entry

    def _refuse_edited(self, entry: Entry) -> None:
        out = self.settings.out
        shown = self.run.relative(out)
        for finding in verify(entry, out, lock=self.reading.lock, shown=shown):
            if finding.rule.endswith(".missing"):
                continue  # made again from recordings; locked mode says what is missing
            found, _, rest = finding.message.partition("; expected ")
            expected, _, following = rest.partition("; next: ")
            raise ArtifactError(
                where=finding.path,
                found=found.partition("found ")[2] or found,
                expected=expected,
                next=following,
            )

    def files(self, entry: Entry) -> Mapping[str, bytes] | None:
        """Return the artifact's bytes by path below the out folder; None when one is missing."""
        try:
            return {path: read_plain(self.settings.out, path) for path in sorted(entry.files)}
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ArtifactError(
                where=f"{self.run.relative(self.settings.out)}/{entry.name}",
                found=error.strerror or str(error),
                expected="plain files that can be read",
                next=f"git checkout -- {self.run.relative(self.settings.out)}",
            ) from error

    def made(self, name: str) -> Mapping[str, bytes] | None:
        """Return what this run freezes of a unit, by path; None where it freezes nothing of it.

        Makes the unit where no process has; whoever asks waits.
        """
        unit = self.run.selected.get(name)
        if unit is None or not self.settings.mode.writes:
            return None
        result = self.run.result(unit)
        if not result.accepted:
            return None
        store = self.run.store
        return {path: store.get_bytes(address) for path, address in result.files.items()}

    def evidence(self, unit: Unit) -> str:
        """Return the digest of all that ``unit`` is judged by, recordings included, as of now."""
        kind = self.run.plugged.kinds[unit.kind]
        return digest_of([unit.evidence, kind.recorded(unit, self.run.asking(unit))])

    def entry_of(self, result: Result) -> Entry:
        """Return the entry that a result carries."""
        place = Place(path=self.settings.shown_lock)
        return read_entry(result.unit, result.entry, place)

    def new_entry(self, unit: Unit, judged: Judged, before: Entry | None) -> Entry:
        """Return the entry of ``judged`` once frozen; provenance of equal bytes is kept."""
        candidate = judged.candidate
        files = {path: digest(data) for path, data in sorted(candidate.files.items())}
        kept = before if before is not None and dict(before.files) == files else None
        return Entry(
            name=unit.name,
            kind=unit.kind,
            spec=unit.place.path,
            files=files,
            source=unit.source,
            evidence=self.evidence(unit),
            proposer=kept.proposer if kept else candidate.proposer,
            attempts=kept.attempts if kept else candidate.attempt,
            target=TARGET,
            gates=unit.versions,
            off=unit.off,
            capabilities=unit.capabilities,
            basis=basis_of(judged.verdicts),
        )
