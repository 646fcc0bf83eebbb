"""The loop of one unit where a run may write: judge what is frozen, else propose and repair."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from typing import TYPE_CHECKING

from pytest_compiledai.core.candidate import BUILTIN
from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.errors import ModelError
from pytest_compiledai.core.errors import RecordingMissing
from pytest_compiledai.core.gate import Phase
from pytest_compiledai.core.kind import Composing
from pytest_compiledai.core.kind import Judged
from pytest_compiledai.core.pipeline import Ending
from pytest_compiledai.core.pipeline import Loop
from pytest_compiledai.core.pipeline import judge_through
from pytest_compiledai.core.pipeline import run_loop
from pytest_compiledai.core.result import Outcome
from pytest_compiledai.core.result import Result
from pytest_compiledai.core.result import Trouble
from pytest_compiledai.core.result import trouble_of
from pytest_compiledai.core.state import State
from pytest_compiledai.core.state import standing
from pytest_compiledai.settings import DEFAULT_ATTEMPTS
from pytest_compiledai.settings import Mode

if TYPE_CHECKING:
    from pytest_compiledai.core.candidate import Candidate
    from pytest_compiledai.core.kind import Composed
    from pytest_compiledai.core.kind import Kind
    from pytest_compiledai.core.lock import Entry
    from pytest_compiledai.core.unit import Unit
    from pytest_compiledai.run import Run

#: A replayed pool that was rejected goes on with fresh chains; this many at most in one run.
MOST_CHAINS = 16
#: The proposer of an artifact whose bytes are not those of its entry.
EDITED = "edited"


@dataclass(slots=True, kw_only=True)
class Compiling:
    """One unit on its way through the loop."""

    run: Run
    unit: Unit
    kind: Kind
    started: float = field(default_factory=time.monotonic)

    def result(self) -> Result:
        """Return what came of the unit."""
        entry = self.run.frozen.entry(self.unit)
        frozen = self._frozen(entry)
        if frozen is not None and self._is_fresh(entry):
            judged = self._accepting(frozen)
            return self._told(judged, entry, accepted=judged.passed)
        ending = run_loop(self._loop(), frozen if self._is_judged_first(frozen) else None)
        if ending.chosen is None:
            return self._nothing(ending.stopped)
        return self._told(ending.chosen, entry, accepted=ending.accepted, ending=ending)

    def _frozen(self, entry: Entry | None) -> Candidate | None:
        """Return the frozen artifact as a candidate, where it may be judged before proposing."""
        if entry is None or self.run.settings.mode is Mode.UPDATE:
            return None
        files = self.run.frozen.files(entry)
        if files is None:
            return None
        return self.kind.thaw(
            self.unit, files, proposer=self._proposer(entry, files), attempt=entry.attempts
        )

    def _is_judged_first(self, frozen: Candidate | None) -> bool:
        """Return whether a stale artifact goes before a proposal, which a user's file never needs.

        That file costs nothing to propose again, and it is what the user wants judged; only a hand
        that edited the artifact itself goes before it.
        """
        return frozen is not None and (self.unit.asks_model or frozen.proposer == EDITED)

    def _proposer(self, entry: Entry, files: Mapping[str, bytes]) -> str:
        """Return who made the bytes on disk: the entry's proposer, or a hand that edited them."""
        same = {path: digest(data) for path, data in files.items()} == dict(entry.files)
        return entry.proposer if same else EDITED

    def _is_fresh(self, entry: Entry | None) -> bool:
        evidence = self.run.frozen.evidence(self.unit)
        return standing(self.unit, entry, evidence=evidence).state is State.FRESH

    def _accepting(self, candidate: Candidate) -> Judged:
        verdicts = judge_through(
            self.unit.gates, lambda gate: self.run.judge(gate, self.unit, candidate, Phase.ACCEPT)
        )
        return Judged(candidate=candidate, verdicts=verdicts)

    def _loop(self) -> Loop:
        unit, run = self.unit, self.run
        attempts = run.settings.attempts or unit.attempts or DEFAULT_ATTEMPTS
        return Loop(
            gates=unit.gates,
            reopened=self.kind.reopened,
            attempts=attempts,
            chains=unit.candidates,
            propose=lambda history, sample: self.kind.propose(
                unit, history, sample=sample, asking=run.asking(unit)
            ),
            judge=lambda gate, candidate, phase: run.judge(gate, unit, candidate, phase),
            rank=self.kind.rank,
            expired=lambda: time.monotonic() - self.started > unit.timeout_s,
            samples=self._samples,
            replayed=lambda: run.spent(unit).tokens_out == 0,
            compose=self._composing(),
        )

    def _composing(self) -> Callable[[Sequence[Judged]], Iterable[Composed]] | None:
        """Return how a pool is put together; None for a unit that does not ask for it."""
        kind, unit = self.kind, self.unit
        if not unit.composes or not isinstance(kind, Composing):
            return None
        return lambda pool: kind.compose(unit, pool)

    def _samples(self) -> Iterator[int]:
        if self.run.settings.model == BUILTIN:
            return iter((0,))
        start = self._fresh_sample() if self.run.settings.mode is Mode.UPDATE else 0
        return itertools.islice(itertools.count(start), max(self.unit.candidates, MOST_CHAINS))

    def _fresh_sample(self) -> int:
        opening = self.kind.opening(self.unit)
        if opening is None:
            return 0
        asking = self.run.asking(self.unit)
        return next(
            sample for sample in itertools.count() if asking.peek(opening, sample=sample) is None
        )

    def _nothing(self, stopped: ModelError | None) -> Result:
        error = stopped or RecordingMissing(
            where=self.unit.place,
            found="nothing to judge",
            expected="a candidate",
            next=f"pytest --compile --compile-model NAME {self.unit.place.path}::{self.unit.name}",
        )
        return self.run.blank(self.unit, Outcome.ERROR, trouble=Trouble.of(error))

    def _told(
        self, judged: Judged, entry: Entry | None, *, accepted: bool, ending: Ending | None = None
    ) -> Result:
        run, unit = self.run, self.unit
        return run.tell(
            unit,
            judged,
            outcome=self._outcome(judged, entry, accepted=accepted),
            entry=run.frozen.new_entry(unit, judged, entry) if accepted else None,
            stopped=trouble_of(ending.stopped if ending else None),
        )

    def _outcome(self, judged: Judged, entry: Entry | None, *, accepted: bool) -> Outcome:
        if not accepted:
            return Outcome.REJECTED
        new = self.run.frozen.new_entry(self.unit, judged, entry)
        if entry is None or dict(new.files) != dict(entry.files):
            return Outcome.FROZEN
        return Outcome.UNCHANGED if new == entry else Outcome.RENEWED
