"""Locked and frozen mode: no model, nothing written; an item runs its own gate and those before."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from pytest_compiledai.core.errors import ArtifactError
from pytest_compiledai.core.errors import LockError
from pytest_compiledai.core.gate import Phase
from pytest_compiledai.core.result import Outcome
from pytest_compiledai.core.result import Result
from pytest_compiledai.core.result import Trouble
from pytest_compiledai.core.result import verdict_as_json
from pytest_compiledai.core.result import verdict_from_json
from pytest_compiledai.core.state import standing
from pytest_compiledai.settings import Mode

if TYPE_CHECKING:
    from pytest_compiledai.core.candidate import Candidate
    from pytest_compiledai.core.kind import Kind
    from pytest_compiledai.core.lock import Entry
    from pytest_compiledai.core.unit import Unit
    from pytest_compiledai.core.verdict import Verdict
    from pytest_compiledai.run import Run


@dataclass(slots=True, kw_only=True)
class Rejudging:
    """A frozen unit, judged again gate by gate."""

    run: Run
    unit: Unit
    kind: Kind

    def result(self) -> Result:
        """Return the unit's standing, without verdicts."""
        entry = self.run.frozen.entry(self.unit)
        if entry is None:
            return self._trouble(Outcome.ERROR, self._missing())
        if self.run.settings.mode is Mode.LOCKED:
            changed = standing(
                self.unit, entry, evidence=self.run.frozen.evidence(self.unit)
            ).changed
            if changed:
                return self._trouble(Outcome.STALE, self._stale(changed))
        candidate = self._candidate(entry)
        if candidate is None:
            return self._trouble(Outcome.ERROR, self._gone())
        files = {path: self.run.store.put_bytes(data) for path, data in candidate.files.items()}
        return replace(
            self.run.blank(self.unit, Outcome.UNCHANGED), files=files, attempts=entry.attempts
        )

    def verdict(self, gate: str) -> Verdict:
        """Return the verdict of ``gate``, or that of the first gate before it that failed."""
        order = self.unit.gates
        for name in order[: order.index(gate) + 1]:
            ask = partial(self._ask, name)
            verdict = verdict_from_json(self.run.store.once(gate_value(self.unit.name, name), ask))
            if not verdict.passed:
                return verdict
        return verdict

    def _ask(self, gate: str) -> object:
        entry = self.run.frozen.entry(self.unit)
        candidate = self._candidate(entry) if entry else None
        if candidate is None:
            raise self._gone()
        return verdict_as_json(self.run.judge(gate, self.unit, candidate, Phase.ACCEPT))

    def _candidate(self, entry: Entry) -> Candidate | None:
        files = self.run.frozen.files(entry)
        if files is None:
            return None
        return self.kind.thaw(self.unit, files, proposer=entry.proposer, attempt=entry.attempts)

    def _trouble(self, outcome: Outcome, error: LockError | ArtifactError) -> Result:
        return self.run.blank(self.unit, outcome, trouble=Trouble.of(error))

    def _command(self) -> str:
        return f"pytest --compile {self.unit.place.path}::{self.unit.name}"

    def _missing(self) -> LockError:
        return LockError(
            where=self.unit.place,
            found=f"no entry for {self.unit.name} in {self.run.settings.shown_lock}",
            expected="a frozen artifact",
            next=f"{self._command()}, then commit the lock and the artifact",
        )

    def _stale(self, changed: tuple[str, ...]) -> LockError:
        return LockError(
            where=self.unit.place,
            found=f"the entry of {self.unit.name} is stale: changed since: {'; '.join(changed)}",
            expected="an entry made from the spec as it stands",
            next=f"{self._command()}, then commit the lock and the artifact",
        )

    def _gone(self) -> ArtifactError:
        return ArtifactError(
            where=self.unit.place,
            found=f"the artifact of {self.unit.name} is missing",
            expected="the files that the lock names",
            next=f"`git checkout -- {self.run.relative(self.run.settings.out)}`, or "
            f"`{self._command()}`, which makes it again",
        )


def gate_value(unit: str, gate: str) -> str:
    """Return the name of a verdict in the run's store."""
    return f"gates/{unit}/{gate}"
