"""The one writer: sees every report, freezes what passed, drops what is gone, writes reports."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_compiledai.choosing import LEAVING_OUT
from pytest_compiledai.choosing import asked_paths
from pytest_compiledai.core.artifact import Artifact
from pytest_compiledai.core.canonical import digest_of
from pytest_compiledai.core.errors import CompiledAIError
from pytest_compiledai.core.errors import SettingsError
from pytest_compiledai.core.freeze import Freeze
from pytest_compiledai.core.freeze import recover
from pytest_compiledai.core.gate import COMPILE
from pytest_compiledai.core.gate import DRIFT
from pytest_compiledai.core.lock import read_lock
from pytest_compiledai.core.lock import read_lock_file
from pytest_compiledai.core.result import Outcome
from pytest_compiledai.core.result import Result
from pytest_compiledai.core.result import verdict_from_json
from pytest_compiledai.counterexamples import remember
from pytest_compiledai.drifting import write_rows
from pytest_compiledai.frozen import basis_of
from pytest_compiledai.frozen import claims_another_basis
from pytest_compiledai.rejudging import gate_value
from pytest_compiledai.run import ALONE
from pytest_compiledai.run import CHOSEN
from pytest_compiledai.run import SELECTION
from pytest_compiledai.run import UNITS
from pytest_compiledai.runtime.emit import LOADER_PATH
from pytest_compiledai.runtime.stubs import beside
from pytest_compiledai.runtime.stubs import stubs_of
from pytest_compiledai.sandbox.ladder import BACKENDS
from pytest_compiledai.settings import Mode
from pytest_compiledai.shipped import forget_bytecode
from pytest_compiledai.shipped import other_readings
from pytest_compiledai.shipped import other_texts
from pytest_compiledai.shipped import shadows
from pytest_compiledai.summary import LockDiff
from pytest_compiledai.trust import stale_signature

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Mapping
    from typing import Any

    from pytest_compiledai.core.lock import Lock
    from pytest_compiledai.report.facts import Facts
    from pytest_compiledai.run import Run


class Controller:
    """What the process that sees all reports knows."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.notices: list[str] = []
        self.failed = False  # something outside any item went wrong
        self.diff: LockDiff | None = None
        self.uncollected: dict[str, str] = {}  # node id -> why it could not be read
        self._noted: dict[str, str] = {}  # unit -> digest of its result
        self._asked: dict[str, set[str]] = {}  # unit -> gates whose items reported
        self._billed = False

    def recover(self) -> None:
        """Finish or drop what an earlier run left behind when it was killed."""
        if not self.run.settings.mode.writes:
            return
        try:
            recover(self.run.settings.out, self.run.settings.lock, say=self.notices.append)
        except CompiledAIError as error:
            self.failed = True
            self.notices.append(str(error))

    def note(self, payload: Mapping[str, Any]) -> None:
        """Note the unit that an item's report names."""
        if payload["result"]:
            self._noted[payload["unit"]] = payload["result"]
            self._asked.setdefault(payload["unit"], set()).add(payload["gate"])

    def results(self) -> list[Result]:
        """Return what came of every unit an item asked about, in the order of names."""
        return [self._result(name) for name in sorted(self._noted)]

    def sandboxes(self) -> list[dict[str, str]]:
        """Return the sandboxes that processes of this run opened, the strongest first."""
        store = self.run.store
        names = [f"sandboxes/{backend}" for backend in BACKENDS]
        return [store.read(name) for name in names if store.has(name)]

    def open_ledger(self, ids: Sequence[str]) -> None:
        """Print the most a live run can cost, once, and open the ledger that workers wait for.

        Raises ``UsageError`` for a bound that cannot be kept.
        """
        if self._billed or not self.run.settings.live:
            return
        self._billed = True
        try:
            self.run.bill(ids)
        except SettingsError as error:
            raise pytest.UsageError(str(error)) from None

    def finish(self, *, interrupted: bool) -> None:
        """Freeze what passed, unless interrupted or not allowed to write; write the reports."""
        try:
            if self.run.settings.mode.writes and not interrupted:
                self._freeze()
                self._propose()
            self._look_at_broken_tables()
            self._look_for_gone_specs()
            self._look_for_hidden_specs()
            self._look_for_other_locks()
            self._look_at_signature()
            self._look_at_loader()
            self._report()
            remember(self.run.config, self.results())
        except CompiledAIError as error:
            self.failed = True
            if not any(r.trouble and r.trouble.found == error.found for r in self.results()):
                self.notices.append(str(error))  # else an item has told it

    def _report(self) -> None:
        settings = self.run.settings
        if settings.reports:
            from pytest_compiledai.report.write import write_reports  # most runs write no report

            write_reports(settings.reports, self.facts())

    def facts(self) -> Facts:
        """Return what reports are made from."""
        from pytest_compiledai.report.facts import Facts
        from pytest_compiledai.report.places import Places

        settings = self.run.settings
        return Facts(
            results=self.results(),
            mode=str(settings.mode),
            places=Places(settings.root, settings.out),
            live=settings.live,
            diff=self.diff,
            sandboxes=self.sandboxes(),
            outside=tuple(
                dict.fromkeys([*self.uncollected.values(), *(self.notices if self.failed else ())])
            ),
        )

    def look_for_contradictions(self) -> None:
        """Fail a run in which every report passed, where the store says otherwise.

        Reports pass through the hooks of every conftest; what a gate answered does not.
        """
        wrong = [f"{r.spec}::{r.unit}::{gate}" for r in self.results() for gate in self._failing(r)]
        if wrong:
            self._object(f"reports that passed, though {_some(wrong)} did not")
        self.look_for_items_taken_out()
        if self.run.settings.mode.writes or not self.run.store.has(SELECTION):
            return
        selection = self.run.store.read(SELECTION)
        asked = {(unit, gate) for unit, gates in self._asked.items() for gate in gates}
        silent = [f"{u}::{gate}" for u, gate in selection["items"] if (u, gate) not in asked]
        if silent:
            self._object(f"no answer of {_some(silent)}")
        self._look_at_bases()

    def look_for_items_taken_out(self) -> None:
        """Fail a run that judges, and tell it in one that fails, where a plugin took items out."""
        if self.run.settings.mode.writes or not self.run.store.has(SELECTION):
            return
        taken = self.run.store.read(SELECTION)["taken_out"]
        if taken:
            self._object(f"a plugin that took {_some(taken)} out of the run")

    def _look_at_bases(self) -> None:
        """Hold what the lock says of the seconds behind a pass against the verdicts of this run."""
        for result in self.results():
            entry = self._lock().entries.get(result.unit)
            if entry is not None and claims_another_basis(entry, result.verdicts):
                self.failed = True
                self.notices.append(
                    f"{self.run.settings.shown_lock}: found basis {entry.basis!r} of {result.unit};"
                    f" expected {basis_of(result.verdicts)!r}, which its verdicts rest on; next: "
                    f"pytest --compile {result.spec}::{result.unit}"
                )

    def _failing(self, result: Result) -> set[str]:
        """Return the gates whose verdict is no pass; in a mode that writes, among those asked."""
        failed = {verdict.gate for verdict in result.verdicts if not verdict.passed}
        failed |= {COMPILE} if result.trouble is not None else set()
        return failed & self._asked[result.unit] if self.run.settings.mode.writes else failed

    def _object(self, found: str) -> None:
        self.failed = True
        following = "look for hooks that change items or reports in conftest.py, and for addopts"
        expected = "the verdict of every gate item; choose items with -k, -m or node ids"
        notice = f"this run: found {found}; expected {expected}; next: {following}"
        self.notices += [notice] if notice not in self.notices else []

    @cached_property
    def _cache(self) -> dict[str, Result]:
        return {}

    def _result(self, name: str) -> Result:
        if name not in self._cache:
            value = self.run.store.read(f"units/{name}")
            if digest_of(value) != self._noted[name]:
                raise CompiledAIError(
                    where=name, found="a result other than its report says", expected="the same"
                )
            self._cache[name] = self._with_verdicts(Result.from_json(value))
        return self._cache[name]

    def _with_verdicts(self, result: Result) -> Result:
        """Return a unit's result with the verdicts its items asked for beside its loop's."""
        store = self.run.store
        known = tuple(verdict.gate for verdict in result.verdicts)
        names = [gate_value(result.unit, gate) for gate in result.gates if gate not in known]
        asked = tuple(verdict_from_json(store.read(n)) for n in names if store.has(n))
        verdicts = (*result.verdicts, *asked)
        if self.run.settings.mode.writes and not (result.accepted and self._drifts(result)):
            return result
        if any(not verdict.passed for verdict in verdicts):
            return result.with_verdicts(verdicts, Outcome.REJECTED)
        unanswered = self._asked[result.unit] - {COMPILE, *(verdict.gate for verdict in verdicts)}
        # An item that ended without a verdict is no pass: a tool or the sandbox was missing.
        error = result.trouble is None and bool(unanswered)
        return result.with_verdicts(verdicts, Outcome.ERROR if error else result.outcome)

    def _drifts(self, result: Result) -> bool:
        return DRIFT in self._asked[result.unit]

    def _freeze(self) -> None:
        # Drift speaks of an artifact's use; what it proposes could never be compiled otherwise.
        accepted = [result for result in self.results() if result.entry is not None]
        entries = [self.run.frozen.entry_of(result) for result in accepted]
        dropped = self._gone() if self.run.settings.prune else ()
        if not entries and not dropped:
            return
        out, lock = self.run.settings.out, self.run.settings.lock
        freeze = Freeze(out, lock, say=self.notices.append, index=beside)
        artifacts = [self._artifact(result) for result in accepted]
        freeze.stage(artifacts, entries, dropped, beside=stubs_of(artifacts))
        done = freeze.commit()
        if LOADER_PATH in done.written:
            forget_bytecode(out)
        path = self.run.settings.shown_lock
        self.diff = LockDiff.between(path, done.before.lock, done.lock)

    def _propose(self) -> None:
        for result in self.results():
            said = write_rows(self.run, result.unit)
            if said:
                self.notices.append(said)

    def _artifact(self, result: Result) -> Artifact:
        get = self.run.store.get_bytes
        files = {path: get(address) for path, address in result.files.items()}
        return Artifact(name=result.unit, files=files)

    def _lock(self) -> Lock:
        return self.run.frozen.reading.lock

    def _gone(self) -> tuple[str, ...]:
        """Return the names of entries whose spec is gone: the file, or the unit in a file read."""
        root, met = self.run.settings.root, self._seen(UNITS, self.run.places)
        read = {place.path for place in self.run.places.values()}
        waiting = self._waiting()
        return tuple(
            name
            for name, entry in sorted(self._lock().entries.items())
            if name not in met  # elsewhere: its spec was renamed
            and name not in waiting
            and (entry.spec in read or not (root / entry.spec).is_file())
        )

    def _waiting(self) -> tuple[str, ...]:
        """Return the names of entries below a unit that could not say which those are.

        Where a plan is missing, edited or of another spec, none of its regions is gone.
        """
        alone = self._seen(ALONE, self.run.alone)
        return tuple(name for name in sorted(self._lock().entries) if _owner(name) in alone)

    def _seen(self, name: str, here: Iterable[str]) -> frozenset[str]:
        """Return units of this process, and those that another one told of under ``name``."""
        store = self.run.store
        return frozenset([*here, *(store.read(name) if store.has(name) else ())])

    def _look_at_signature(self) -> None:
        lock, shown = self.run.settings.lock, self.run.settings.shown_lock
        notice = stale_signature(lock, read_lock_file(lock, shown), shown)
        if notice:
            self.notices.append(notice)

    def _look_at_loader(self) -> None:
        """Compare what production imports with what was judged."""
        settings, lock = self.run.settings, self._lock()
        if settings.mode.writes:
            return
        out, shown = settings.out, self.run.relative(settings.out)
        if lock.entries:
            notices = list(other_texts(out, shown, lock))
            self.failed = self.failed or (bool(notices) and settings.mode is Mode.LOCKED)
            self.notices += notices
        data = read_lock_file(settings.lock, settings.shown_lock)
        for notice in (
            *shadows(out, shown),
            *other_readings(out, shown, data, lock, settings.shown_lock),
        ):
            self.failed = True
            self.notices.append(notice)

    def _look_at_broken_tables(self) -> None:
        """Tell of each table of the lock that cannot be trusted and that no unit answers for."""
        store = self.run.store
        met = store.read(UNITS) if store.has(UNITS) else ()
        for name, fault in sorted(self.run.frozen.reading.faults.items()):
            if name not in met:
                self.notices.append(str(fault))
                self.failed = self.failed or not self.run.settings.mode.writes

    def _look_for_hidden_specs(self) -> None:
        """Tell of each frozen unit that was asked for by its path and was not collected."""
        run = self.run
        if run.settings.mode.writes or not run.store.has(UNITS):
            return
        if set(LEAVING_OUT).intersection(run.store.read(CHOSEN)):
            return
        met = {*run.store.read(UNITS), *self._gone(), *self._waiting()}
        for name, entry in sorted(self._lock().entries.items()):
            if entry.spec in self.uncollected:
                continue  # that fails the run by itself
            if name not in met and self._is_asked(run.settings.root / entry.spec):
                self.failed = True
                self.notices.append(
                    f"{entry.spec}: found a spec of {name}, which was not collected; expected "
                    "every spec below the paths of the run; next: look for what leaves it out in "
                    "the pytest configuration, in conftest.py and in the file's first line"
                )

    def _is_asked(self, spec: Path) -> bool:
        config = self.run.config
        asked = [config.invocation_params.dir / path for path in asked_paths(config)]
        return any(spec.is_relative_to(path) for path in asked)

    def _look_for_other_locks(self) -> None:
        """Tell of a lock nearer to where the run was started that names what the run judged.

        A pytest configuration below that folder makes another root, with artifacts of its own.
        """
        settings, start = self.run.settings, self.run.config.invocation_params.dir.resolve()
        if settings.mode.writes:
            return
        above = [folder for folder in settings.root.parents if folder.is_relative_to(start)]
        for folder in dict.fromkeys([start, *above]):
            path = folder / settings.lock.name
            if path == settings.lock or not path.exists():
                continue
            reading = read_lock(read_lock_file(path, path.name), path.name)
            names = [n for n, e in reading.lock.entries.items() if self._is_asked(folder / e.spec)]
            if names:
                self.failed = True
                self.notices.append(
                    f"{settings.root}: found the root of this run, whose lock is not "
                    f"{path}, which names {_some(names)}; expected one lock for a spec; next: "
                    "look for a pytest configuration below that lock, or remove the older lock"
                )

    def _look_for_gone_specs(self) -> None:
        if self.run.settings.prune:
            return
        for name in self._gone():
            entry = self._lock().entries[name]
            self.notices.append(
                f"{entry.spec}: found no spec of {name}, which the lock has; "
                "expected a spec; next: pytest --compile-prune"
            )
            # Nobody judges that artifact any more, and production can still load it.
            self.failed = self.failed or not self.run.settings.mode.writes
        waiting = self._waiting()
        if waiting and not self.run.settings.mode.writes:
            spec = self._lock().entries[waiting[0]].spec
            out = self.run.relative(self.run.settings.out)
            self.failed = True
            self.notices.append(
                f"{spec}: found no plan that spec and lock agree on for {_some(waiting)}; expected "
                f"the frozen one; next: git checkout -- {out}, or pytest --compile {spec}"
            )


def _owner(name: str) -> str:
    """Return the unit whose plan names the unit ``name``; "" for one that stands by itself."""
    owner, dot, _ = name.partition(".")
    return owner if dot else ""


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(sorted(names)[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"  # noqa: PLR2004
