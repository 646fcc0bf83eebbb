"""Weak spots of a frozen unit: mistakes in its artifact that its gates let through.

Each mutant goes through the unit's own gates, in order, as a candidate does; generated code runs in
the sandbox alone. For a survivor an input is searched on which it and the artifact differ; that no
input was found does not prove that there is none.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any

from pytest_compiledai.core.calls import Status
from pytest_compiledai.core.candidate import Candidate
from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.core.canonical import digest_of
from pytest_compiledai.core.gate import Phase
from pytest_compiledai.core.pipeline import judge_through
from pytest_compiledai.core.split import Split
from pytest_compiledai.functions import judging
from pytest_compiledai.functions.mutants.mutant import Mutant
from pytest_compiledai.functions.mutants.mutant import mutants
from pytest_compiledai.functions.weights import code_path
from pytest_compiledai.gates import accuracy
from pytest_compiledai.gates.batches import call_bounded
from pytest_compiledai.gates.drawing import examples
from pytest_compiledai.gates.scoring import score
from pytest_compiledai.gates.shrinking import shrink

if TYPE_CHECKING:
    from pytest_compiledai.core.calls import Answer
    from pytest_compiledai.core.calls import Session
    from pytest_compiledai.core.unit import Unit
    from pytest_compiledai.functions.spec import FunctionSpec
    from pytest_compiledai.gates.comparators import Comparator
    from pytest_compiledai.run import Run

INPUTS = 1_000  # searched for one that tells a survivor from the artifact
SHRINK_CALLS = 300
_BATCH = 16
_KILLS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A small input on which a survivor and the artifact answer differently."""

    input: Any
    output: Any  # the artifact's; None where it abstains
    got: Any  # the survivor's; None where it does not answer
    status: str  # of the survivor's answer
    abstained: bool  # the artifact abstains
    golden: str = ""  # the place of a golden row that differs already: the threshold lets it pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What became of a mutant."""

    mutant: Mutant
    killed_by: str | None  # the gate
    rule: str = ""  # of the first finding
    difference: Difference | None = None  # of a survivor

    @property
    def survived(self) -> bool:
        """Whether all gates passed."""
        return self.killed_by is None


def weak_spots(
    run: Run, unit: Unit, files: Mapping[str, bytes], *, most: int, say: Callable[[str], None]
) -> list[Tried]:
    """Return what became of at most ``most`` mutants of an artifact, in the order of its lines.

    ``say`` is given a line of progress. Raises ``SandboxError`` and ``ToolError``.
    """
    seed = int(digest_of([unit.name, "mutants"])[:8], 16)
    path = code_path(unit.name)
    made = mutants(files[path].decode("utf-8"), most=most, seed=seed)
    candidates = [_candidate({**files, path: mutant.text.encode("utf-8")}) for mutant in made]
    # One scan of them all: an analyser by itself costs more than the files it reads.
    run.bench.of(unit).scans([r for item in candidates for r in judging.sources(unit, item)])
    tried: list[Tried] = []
    search = _Search(run, unit, files)
    for mutant, candidate in zip(made, candidates, strict=True):
        say(f"{unit.name}: mutant {len(tried) + 1} of {len(made)}")
        tried.append(_tried(run, unit, mutant, candidate, search))
    return tried


def _candidate(files: Mapping[str, bytes]) -> Candidate:
    return Candidate(files=files, proposer="mutant", attempt=1)


def _tried(run: Run, unit: Unit, mutant: Mutant, candidate: Candidate, search: _Search) -> Tried:
    verdicts = judge_through(
        unit.gates, lambda gate: run.judge(gate, unit, candidate, Phase.ACCEPT)
    )
    last = verdicts[-1]
    if not last.passed:
        return Tried(mutant=mutant, killed_by=last.gate, rule=last.findings[0].rule)
    return Tried(mutant=mutant, killed_by=None, difference=search.difference(candidate))


class _Search:
    """Looks for inputs that tell a survivor from the artifact; the inputs are drawn once."""

    def __init__(self, run: Run, unit: Unit, files: Mapping[str, bytes]) -> None:
        self.bench = run.bench.of(unit)
        self.unit = unit
        self.spec: FunctionSpec = unit.body
        self.artifact = judging.program(unit, _candidate(files))
        self._inputs: list[bytes] = []
        self._answers: list[Answer] = []

    def difference(self, candidate: Candidate) -> Difference | None:
        """Return a small input on which ``candidate`` differs; None where none was found."""
        with contextlib.ExitStack() as stack:
            ours = stack.enter_context(self.bench.sandbox().open(self.artifact))
            program = judging.program(self.unit, candidate)
            theirs = stack.enter_context(self.bench.sandbox().open(program))
            users = judging.user_comparators(self.spec, self.bench, stack)
            comparators = accuracy.resolved(self.spec.accuracy, users)
            self._draw(ours)
            answers = call_bounded(theirs, self._inputs, batch=_BATCH, kills=_KILLS)
            found = self._first(answers, comparators)
            return None if found is None else self._small(found, ours, theirs, comparators)

    def _draw(self, session: Session) -> None:
        if self._inputs:
            return
        train = [row.input for row in self.spec.rows_in(Split.TRAIN)]
        seed = int(digest_of([self.unit.name, "weak spots"])[:8], 16)
        drawn = examples(self.spec.input, train, count=INPUTS, seed=seed)
        self._inputs = [row.key for row in self.spec.rows] + list(drawn)
        self._answers = session.call(self._inputs)

    def _first(self, answers: Sequence[Answer], comparators: dict[str, Comparator]) -> int | None:
        """Return the input to show: one that a golden row can be made of goes first."""
        differing = [
            at
            for at, (one, other) in enumerate(zip(self._answers, answers, strict=False))
            if differ(one, other, comparators)
        ]
        rows = [at for at in differing if self._answers[at].status is Status.VALUE]
        return next(iter([*rows, *differing]), None)

    def _small(
        self, at: int, ours: Session, theirs: Session, comparators: dict[str, Comparator]
    ) -> Difference:
        status = self._answers[at].status

        def fails(inputs: Sequence[bytes]) -> list[bool]:
            pairs = zip(ours.call(inputs), theirs.call(inputs), strict=True)
            return [
                one.status is status and differ(one, other, comparators) for one, other in pairs
            ]

        value = json.loads(self._inputs[at])
        golden = at < len(self.spec.rows)
        if not golden:  # a golden row is shown as it stands
            value = shrink(value, self.spec.input, fails, calls=SHRINK_CALLS)
        (one,), (other,) = ours.call([canonical_json(value)]), theirs.call([canonical_json(value)])
        return Difference(
            input=value,
            output=_value(one),
            got=_value(other),
            status=other.status.value,
            abstained=one.status is Status.ABSTAIN,
            golden=str(self.spec.rows[at].place) if golden else "",
        )


def differ(one: Answer, other: Answer, comparators: dict[str, Comparator]) -> bool:
    """Return whether a caller is told another thing; why an answer is refused does not count."""
    if one.status is Status.VALUE:
        return not score(json.loads(one.value), other, comparators).right
    return one.status is not other.status


def _value(answer: Answer) -> Any:
    return json.loads(answer.value) if answer.status is Status.VALUE else None
