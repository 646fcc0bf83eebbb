"""One process of a compiling run: what it knows, and how an item gets its answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import pytest

from pytest_compiledai import terminal
from pytest_compiledai.asking import UnitAsking
from pytest_compiledai.asking import open_desk
from pytest_compiledai.bench import RunBench
from pytest_compiledai.compiling import Compiling
from pytest_compiledai.core.candidate import BUILTIN
from pytest_compiledai.core.canonical import digest_of
from pytest_compiledai.core.errors import CompiledAIError
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.gate import COMPILE
from pytest_compiledai.core.gate import DRIFT
from pytest_compiledai.core.kind import Project
from pytest_compiledai.core.place import Place
from pytest_compiledai.core.result import Cost
from pytest_compiledai.core.result import Outcome
from pytest_compiledai.core.result import Result
from pytest_compiledai.core.result import Trouble
from pytest_compiledai.core.result import verdict_from_json
from pytest_compiledai.drifting import asked_last
from pytest_compiledai.drifting import drift_command
from pytest_compiledai.drifting import drift_verdict
from pytest_compiledai.failure import GateFailed
from pytest_compiledai.failure import next_command
from pytest_compiledai.frozen import Frozen
from pytest_compiledai.plug import Plugged
from pytest_compiledai.plug import plug
from pytest_compiledai.rejudging import Rejudging
from pytest_compiledai.rejudging import gate_value
from pytest_compiledai.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_compiledai.collect import GateItem
    from pytest_compiledai.core.candidate import Candidate
    from pytest_compiledai.core.document import Document
    from pytest_compiledai.core.entry import Entry
    from pytest_compiledai.core.gate import Phase
    from pytest_compiledai.core.kind import Judged
    from pytest_compiledai.core.kind import Kind
    from pytest_compiledai.core.unit import Unit
    from pytest_compiledai.core.verdict import Verdict
    from pytest_compiledai.llm.desk import Desk
    from pytest_compiledai.store import Store


SELECTION = "selection"  # the store's name of what was collected
CHOSEN = "chosen"  # and of the options by which the command line chose among it
UNITS = "units-collected"  # and of the units that any process collected, chosen or not
ALONE = "units-alone"  # and of those among them that could not say which units are below them


class Run:
    """What one process of a run knows; every value that others need goes through the store."""

    def __init__(self, *, config: pytest.Config, settings: Settings, store: Store) -> None:
        self.config = config
        self.settings = settings
        self.store = store
        self.ignored: set[str] = set()
        self.places: dict[str, Place] = {}  # unit -> where it was first collected
        self.alone: set[str] = set()
        self.selected: dict[str, Unit] = {}
        self.gates_chosen: dict[str, frozenset[str]] = {}  # of each unit, `compile` among them
        self.part = (1, 1)  # number, from 1, of how many runs that share a budget
        self.refusal = ""  # why nothing may be judged in this run
        self.collected: frozenset[str] = frozenset()  # node ids before plugins chose among them
        self._askings: dict[str, UnitAsking] = {}
        self._prefetched = False

    # What the command line and the project say.

    @cached_property
    def named(self) -> frozenset[Path]:
        """The files that the command line names."""
        base = self.config.invocation_params.dir
        return frozenset((base / arg.split("::")[0]).resolve() for arg in self.config.args)

    @cached_property
    def plugged(self) -> Plugged:
        """The kinds and gates of this run, a project's own included."""
        return plug(self.config)

    @cached_property
    def project(self) -> Project:
        """The surroundings in which specs are read."""
        from pytest_compiledai.gates.tools import versions

        return Project(
            root=self.settings.root,
            out=self.settings.out,
            recordings=self.settings.recordings,
            grants=self.settings.grants,
            versions=versions(),
        )

    def relative(self, path: Path) -> str:
        """Return ``path`` in POSIX form, relative to the root where it lies below it."""
        resolved = path.resolve()
        root = self.settings.root
        return (resolved.relative_to(root) if resolved.is_relative_to(root) else path).as_posix()

    # Collecting.

    def units_of(self, document: Document) -> tuple[Unit, ...]:
        """Return the units of a document. Raises ``SpecError``, also for a name used twice."""
        kind = self._kind_of(document)
        read = kind.read(document, self.project)
        units = tuple(self.plugged.with_own_gates(unit) for unit in read)
        for unit in units:
            self.alone |= {unit.name} if unit.alone else set()
            other = self.places.setdefault(unit.name, unit.place)
            if other != unit.place:
                raise SpecError(
                    where=unit.place,
                    found=f"the name {unit.name}, which {other} has already",
                    expected="a name that no other spec of this project has",
                )
        return units

    def _kind_of(self, document: Document) -> Kind:
        name = document.data.get("kind")
        kinds = self.plugged.kinds
        if not isinstance(name, str) or name not in kinds:
            raise SpecError(
                where=document.place("kind"),
                found=f"kind: {name!r}",
                expected=f"one of {', '.join(sorted(kinds))}",
            )
        return kinds[name]

    def select(self, items: Iterable[GateItem]) -> None:
        """Remember the units whose items this run selected, in their order."""
        chosen = {item.nodeid: item for item in items}
        self.selected = {item.unit.name: item.unit for item in chosen.values()}
        self.gates_chosen = {
            name: frozenset(item.gate for item in chosen.values() if item.unit.name == name)
            for name in self.selected
        }
        selection = {
            "items": [[item.unit.name, item.gate] for item in chosen.values()],
            "taken_out": sorted(self.collected - set(chosen)),
        }
        # The controller of distributed workers collects nothing itself; all of them see the same.
        self.store.once(SELECTION, lambda: selection)

    @property
    def is_plugged(self) -> bool:
        """Whether this run's kinds and gates are settled."""
        return "plugged" in self.__dict__

    # Answering items.

    def answer(self, unit: Unit, gate: str) -> None:
        """Answer one item: return, raise ``GateFailed`` or ``CompiledAIError``, or skip."""
        if gate == COMPILE and not self._prefetched:
            self._prefetched = True
            self.bench.prefetch(self.selected.values())
        result = self.result(unit)
        if result.trouble is not None:
            if self._tells(unit, gate, of=COMPILE):
                raise result.trouble.error()
            pytest.skip(f"nothing to judge: compile failed for {unit.name}")
        if gate == COMPILE:
            return
        verdict = self._verdict(unit, gate, result)
        if not self._tells(unit, gate, of=verdict.gate):
            pytest.skip(f"{verdict.gate} gate failed")
        if not verdict.passed:
            raise GateFailed(verdict, next=self._next(unit, verdict, result))

    def _tells(self, unit: Unit, gate: str, *, of: str) -> bool:
        """Return whether the item ``gate`` is the one to tell what came of ``of``.

        That is its own item, or where this run left that one out the first chosen after it: a
        cause is told once, and never by nobody.
        """
        order = (COMPILE, *unit.gates, *asked_last(self, unit))
        after = order[order.index(of) : order.index(gate)]
        return gate == of or not self.gates_chosen.get(unit.name, frozenset()).intersection(after)

    def result(self, unit: Unit) -> Result:
        """Return what came of ``unit``: the whole loop, or its standing in locked mode."""
        value = self.store.once(f"units/{unit.name}", lambda: self._make(unit).as_json())
        return Result.from_json(value)

    def _make(self, unit: Unit) -> Result:
        kind = self.plugged.kinds[unit.kind]
        maker = Compiling if self.settings.mode.writes else Rejudging
        try:
            return maker(run=self, unit=unit, kind=kind).result()
        except CompiledAIError as error:
            return self.blank(unit, Outcome.ERROR, trouble=Trouble.of(error))

    def _verdict(self, unit: Unit, gate: str, result: Result) -> Verdict:
        """Return the verdict of ``gate``, or that of the gate before it that failed."""
        if gate == DRIFT:
            last = self._verdict(unit, unit.gates[-1], result)
            return drift_verdict(self, unit, result) if last.passed else last
        if not self.settings.mode.writes:
            kind = self.plugged.kinds[unit.kind]
            return Rejudging(run=self, unit=unit, kind=kind).verdict(gate)
        verdicts = (v for v in result.verdicts if v.gate == gate or not v.passed)
        return next(verdicts)

    def said(self, unit: Unit, gate: str) -> Verdict | None:
        """Return what ``gate`` has said in this run; None where it has not been asked."""
        in_loop = self.settings.mode.writes and gate != DRIFT
        name = f"units/{unit.name}" if in_loop else gate_value(unit.name, gate)
        if not self.store.has(name):
            return None
        value = self.store.read(name)
        if in_loop:
            return Result.from_json(value).verdict(gate)
        return verdict_from_json(value)

    def _next(self, unit: Unit, verdict: Verdict, result: Result) -> str:
        if verdict.gate == DRIFT:
            return drift_command(self, unit)
        again = result.stopped.next if result.stopped is not None else ""
        if not again and self.settings.mode.writes and unit.asks_model and not self.settings.live:
            again = f"pytest --compile --compile-model NAME {unit.place.path}::{unit.name}"
        again = again or next_command(unit)
        # Which of the two is wrong, a row or the program, only a person knows.
        rows = {finding.path for finding in verdict.findings if finding.path}
        if verdict.gate == "accuracy" and rows and unit.asks_model:
            return f"correct the rows of {min(rows)} where they are wrong, or {again}"
        return again

    def payload(self, unit: Unit, gate: str) -> dict[str, Any]:
        """Return what an item's report carries: the unit, and the digest of its result."""
        name = f"units/{unit.name}"
        value = self.store.read(name) if self.store.has(name) else None
        return {
            "unit": unit.name,
            "gate": gate,
            "result": digest_of(value) if value else "",
            "artifact": digest_of(value["files"]) if value and value["files"] else "",
        }

    # What the loop and the gates need.

    @cached_property
    def bench(self) -> RunBench:
        """What gates are given to judge with."""
        return RunBench(self)

    @cached_property
    def progress(self) -> terminal.Progress:
        """What says where a unit is that takes long; nothing with ``-q``."""
        quiet = self.config.get_verbosity() < 0
        return terminal.Progress((lambda _: None) if quiet else self.say)

    @cached_property
    def frozen(self) -> Frozen:
        """What is frozen already."""
        return Frozen(self)

    def judge(self, gate: str, unit: Unit, candidate: Candidate, phase: Phase) -> Verdict:
        """Return a verdict of a built-in gate or of one that the project added."""
        own = self.plugged.own_gate(gate)
        bench = self.bench.of(unit)
        self.progress.at(unit.name, gate, candidate.attempt)
        if own is not None:
            return own.judge_safely(unit, candidate, bench)
        kind = self.plugged.kinds[unit.kind]
        return kind.judge(gate, unit, candidate, phase=phase, bench=bench)

    def asking(self, unit: Unit) -> UnitAsking:
        """Return the way ``unit`` asks a model; one a unit, for it counts tokens."""
        if unit.name not in self._askings:
            entry = self.frozen.reading.lock.entries.get(unit.name)
            self._askings[unit.name] = UnitAsking(
                desk=self.desk,
                unit=unit,
                folder=self.project.recordings_of(unit.place.path),
                preferred=entry.proposer if entry else None,
                say=self.say,
                lock=self.store.lock,
                made=self.frozen.made,
            )
        return self._askings[unit.name]

    @cached_property
    def desk(self) -> Desk:
        """The one front of the language models."""
        return open_desk(self.settings, self.store)

    def bill(self, ids: Sequence[str]) -> None:
        """Print the most that compiling the units of ``ids`` can cost, and open the ledger."""
        from pytest_compiledai.billing import bill_of
        from pytest_compiledai.llm.ledger import Bounds

        self.say(bill_of(self, ids).render(self.settings.model or ""))
        bounds = Bounds(tokens=self.settings.budget_tokens, usd=self.settings.budget_usd)
        number, of = self.part
        if of > 1 and bounds != Bounds(tokens=None, usd=None):
            bounds = bounds.part(number, of)
            shares = [f"{bounds.tokens:,} tokens"] if bounds.tokens is not None else []
            shares += [f"{bounds.usd} USD"] if bounds.usd is not None else []
            self.say(f"part {number}/{of} may spend its share of the budget: {', '.join(shares)}")
        self.desk.open_ledger(bounds)

    def wants_proposal(self, unit: Unit) -> bool:
        """Return whether ``unit`` will ask for a proposal at once: it has no artifact to judge."""
        if not self.settings.live or not unit.asks_model:
            return False
        try:
            entry = self.frozen.entry(unit)
            return entry is None or self.frozen.files(entry) is None
        except CompiledAIError:
            return False

    def foreseen(self, unit: Unit) -> Candidate | None:
        """Return the candidate that ``unit`` is judged by first; None where a model decides."""
        kind = self.plugged.kinds[unit.kind]
        try:
            entry = self.frozen.entry(unit)
            files = self.frozen.files(entry) if entry else None
            if entry is not None and files is not None:
                return kind.thaw(unit, files, proposer=entry.proposer, attempt=entry.attempts)
            opening = kind.opening(unit)
            asking = self.asking(unit).quiet()
            builtin = self.settings.model == BUILTIN
            if opening and not builtin and asking.peek(opening, sample=0) is None:
                return None
            return kind.propose(unit, (), sample=0, asking=asking)
        except CompiledAIError:
            return None  # whatever it is, the unit's own items will say it

    def say(self, text: str) -> None:
        """Print a line of progress."""
        terminal.progress(self.config, text)

    # Telling.

    def blank(self, unit: Unit, outcome: Outcome, *, trouble: Trouble | None = None) -> Result:
        """Return a result without verdicts."""
        return Result(
            unit=unit.name,
            kind=unit.kind,
            spec=unit.place.path,
            line=unit.place.line,
            outcome=outcome,
            trouble=trouble,
            gates=(*unit.gates, *asked_last(self, unit)),
            off=unit.off,
        )

    def tell(
        self,
        unit: Unit,
        judged: Judged,
        *,
        outcome: Outcome,
        entry: Entry | None,
        stopped: Trouble | None,
    ) -> Result:
        """Return the result of a judged candidate, its bytes kept in the store."""
        asking = self.asking(unit)
        return replace(
            self.blank(unit, outcome),
            attempts=judged.candidate.attempt,
            cost=asking.cost,
            spent=asking.spent,
            verdicts=judged.verdicts,
            files={p: self.store.put_bytes(d) for p, d in sorted(judged.candidate.files.items())},
            entry=entry.table() | {"entry": entry.digest} if entry else None,
            stopped=stopped,
            reference_tokens=self.plugged.kinds[unit.kind].direct_tokens(unit),
            model=judged.candidate.proposer,
        )

    def spent(self, unit: Unit) -> Cost:
        """Return the tokens asked of a model for ``unit`` in this process."""
        return self.asking(unit).spent

    def close(self) -> None:
        """End the sandbox and the background of the model, where they were used."""
        if "bench" in self.__dict__:
            self.bench.close()
        if "desk" in self.__dict__:
            self.desk.close()
