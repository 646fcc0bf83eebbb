"""What each gate asks of frozen demonstrations.

Until a candidate is accepted, gates see validation rows; then the test rows are opened, once.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from functools import cached_property
from statistics import fmean
from statistics import quantiles
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_compiledai.core.gate import Phase
from pytest_compiledai.core.interval import wilson
from pytest_compiledai.core.split import Split
from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.core.verdict import found_by
from pytest_compiledai.core.verdict import verdict_of
from pytest_compiledai.distill.agreeing import canonical
from pytest_compiledai.distill.demos import Demos
from pytest_compiledai.distill.demos import expected
from pytest_compiledai.distill.demos import made
from pytest_compiledai.distill.demos import read_demos
from pytest_compiledai.distill.paired import break_even
from pytest_compiledai.distill.paired import cascade_usd
from pytest_compiledai.distill.paired import paired
from pytest_compiledai.distill.replay import Answers
from pytest_compiledai.distill.replay import Outcome
from pytest_compiledai.distill.replay import outcomes
from pytest_compiledai.distill.running import Abstained
from pytest_compiledai.distill.running import Question
from pytest_compiledai.distill.running import run
from pytest_compiledai.distill.scan import scan
from pytest_compiledai.distill.tensors import read_matrices

if TYPE_CHECKING:
    from pytest_compiledai.core.candidate import Candidate
    from pytest_compiledai.core.golden import Row
    from pytest_compiledai.distill.demospec import DemosSpec
    from pytest_compiledai.llm.request import Reply

VERSIONS: Final = dict.fromkeys(
    ("security", "syntax", "execution", "accuracy", "latency", "cost"), 2
)
#: What a vector of an encoder may differ by, made again on another machine.
_DRIFT: Final = 1e-4
_MILLION: Final = 1_000_000
_WORD: Final = re.compile(r"\w+")

Found = tuple[str, str]  # rule, message


def judge(gate: str, spec: DemosSpec, candidate: Candidate, phase: Phase) -> Verdict:
    """Return the verdict of one gate; what goes wrong in asking is a finding."""
    figures: dict[str, Any] = {}
    question = Judging(spec, candidate, phase).questions[gate]
    found = found_by(question, figures, unasked=(Abstained,))
    return verdict_of(gate, found, figures, spec.path)


class Judging:
    """One candidate before one gate."""

    def __init__(self, spec: DemosSpec, candidate: Candidate, phase: Phase) -> None:
        self.spec = spec
        self.files = candidate.files
        splits = (Split.VALIDATION,) if phase is Phase.SELECT else (Split.VALIDATION, Split.TEST)
        self.rows = spec.rows_in(*splits)
        self.phase = phase
        self.questions: Mapping[str, Callable[[dict[str, Any]], Iterator[Found]]] = {
            "security": self._security,
            "syntax": self._syntax,
            "execution": self._execution,
            "accuracy": self._accuracy,
            "latency": self._latency,
            "cost": self._cost,
        }

    @cached_property
    def demos(self) -> Demos:
        """The artifact. Raises ``ValueError``."""
        return read_demos(self.files)

    @cached_property
    def outcomes(self) -> list[Outcome]:
        """What came of the rows; raises ``ValueError`` where there are none."""
        if not self.rows:
            raise ValueError("no validation row; expected some")
        return outcomes(self.spec, self.demos, self.rows)

    def _security(self, figures: dict[str, Any]) -> Iterator[Found]:
        """Ask for secrets, orders, hidden characters and people in what is frozen and sent."""
        figures["trajectories"] = len(self.demos.traces)
        for seen in scan(self._texts()):
            message = f"{seen.where}: found {seen.found}; expected none in what models are sent"
            yield seen.rule, message
        for role in ("teacher", "student"):
            wanted, frozen = (getattr(c, role) for c in (self.spec.cascade, self.demos.cascade))
            if frozen != wanted or _is_moving(frozen):
                yield (
                    "unpinned",
                    f"{role}: found {frozen!r}; expected {wanted!r}, a name of one version",
                )

    def _texts(self) -> Iterator[tuple[str, str]]:
        yield "description", self.demos.cascade.description
        for trace in self.demos.traces:
            where = f"{self.spec.traces_path} {trace.id!r}"
            yield from ((where, text) for text in (trace.id, trace.goal, trace.plan) if text)
            for step in trace.steps:
                for text in (step.observation, step.reasoning, step.action):
                    if text:
                        yield where, text

    def _syntax(self, figures: dict[str, Any]) -> Iterator[Found]:
        """Ask whether the files are ones of this spec: settings, records, the index's shape."""
        demos, spec = self.demos, self.spec
        if demos.cascade.as_json() != spec.cascade.as_json():
            yield "settings", "found other settings than the spec's; expected what the spec says"
        for trace in demos.traces:
            if trace.score < spec.keep:
                yield (
                    "failed",
                    f"{trace.id}: found the score {trace.score:g}; expected {spec.keep:g} or more",
                )
        yield from self._lies()
        width = {len(row) for matrix in demos.index.matrices.values() for row in matrix}
        for key, matrix in sorted(demos.index.matrices.items()):
            for at, row in enumerate(matrix):
                length = sum(value * value for value in row)
                if not (abs(length - 1) < _DRIFT or length == 0):
                    yield (
                        "vector",
                        f"{key}[{at}]: found a length of {length**0.5:.3g}; expected 1",
                    )
        figures |= {"steps": len(demos.index.steps), "dimensions": next(iter(width))}

    def _execution(self, figures: dict[str, Any]) -> Iterator[Found]:
        """Ask whether the files can be made again, rows replayed, and a lost teacher survived."""
        other = list(self._remade())
        yield from other
        if other:
            return  # what cannot be made again is not asked of recordings of something else
        figures["replayed"] = len(self.outcomes)
        escalated = 0
        for outcome in self.outcomes:
            answers = Answers(self.spec)
            for student in (answers.ask, _scattered):
                held = _without_teacher(self.spec.cascade.teacher, student)
                expects = outcome.ran.escalated or student is _scattered
                escalated += expects
                try:
                    ran = run(self.demos, outcome.row.input, held)
                except Abstained:
                    if not expects:
                        yield "drill", f"{outcome.row.id}: found no answer; expected the agreed one"
                    continue
                if expects or ran.answer != outcome.ran.answer:
                    yield (
                        "drill",
                        (
                            f"{outcome.row.id}: found an answer without a teacher; "
                            "expected that the cascade abstains"
                        ),
                    )
        figures["abstained without the teacher"] = escalated

    def _remade(self) -> Iterator[Found]:
        again = made(self.spec)
        if set(again) != set(self.files):
            yield "files", "found other files than the spec makes; expected the same"
            return
        for path, data in again.items():
            same = self.files[path] == data
            if not same and path.endswith(".safetensors"):
                same = _near(read_matrices(self.files[path]), read_matrices(data))
            if not same:
                yield (
                    "remade",
                    f"{path}: found other bytes than the spec makes; expected the same",
                )

    def _accuracy(self, figures: dict[str, Any]) -> Iterator[Found]:
        """Ask whether the cascade is as right as the teacher, by more than luck."""
        spec = self.spec
        yield from self._leaks()
        split = Split.VALIDATION if self.phase is Phase.SELECT else Split.TEST
        found = [outcome for outcome in self.outcomes if outcome.row.split is split]
        if not found:
            yield "rows", f"found no {split} row; expected some"
            return
        pairs = [(outcome.right, outcome.teacher_right) for outcome in found]
        interval = paired(pairs, spec.bounds.confidence)
        agreeing = [outcome.right for outcome in found if not outcome.ran.escalated]
        bound = wilson(sum(agreeing), len(agreeing), spec.bounds.confidence)
        figures |= {
            "rows": len(found),
            "accuracy": fmean(right for right, _ in pairs),
            "teacher": fmean(teacher for _, teacher in pairs),
            "difference": [interval.low, interval.high],
            "right given agreement": fmean(agreeing) if agreeing else None,
            "right given agreement, at least": bound.low,
            "agreement": len(agreeing) / len(found),
        }
        # While candidates are chosen, few rows must not refuse what all rows may show.
        low = interval.low if self.phase is Phase.ACCEPT else interval.high
        if low < -spec.bounds.margin:
            yield (
                "margin",
                (
                    f"found a difference to the teacher of {interval.low:+.3f} to "
                    f"{interval.high:+.3f} on {len(found)} rows; expected no less than "
                    f"-{spec.bounds.margin:g} at {spec.bounds.confidence:.0%}; next: add rows or "
                    "demonstrations, or widen `margin:`"
                ),
            )

    def _leaks(self) -> Iterator[Found]:
        """Yield rows whose own task is among the demonstrations, by its words or by its name."""
        shown = {
            self._words(trace.key(key, step) for key in self.demos.cascade.keys): trace
            for trace in self.demos.traces
            for step in range(len(trace.steps))
        }
        named = {trace.id: trace for trace in self.demos.traces}
        for row in self.rows:
            trace = shown.get(self._task(row)) or named.get(row.id)
            if trace is not None:
                yield (
                    "leak",
                    f"row {row.id}: found its task in {trace.id!r}; expected unseen tasks",
                )

    def _lies(self) -> Iterator[Found]:
        """Yield trajectories that call themselves right where a train row says otherwise."""
        rows = self.spec.rows_in(Split.TRAIN)
        known = {self._task(row): canonical(expected(row.output)) for row in rows}
        for trace in self.demos.traces:
            for at, step in enumerate(trace.steps):
                task = self._words(trace.key(key, at) for key in self.demos.cascade.keys)
                if known.get(task, canonical(step.action)) != canonical(step.action):
                    found = f"{trace.id}: found the action {step.action!r}"
                    yield "failed", f"{found[:200]}; expected what its train row has"

    def _task(self, row: Row) -> tuple[str, ...]:
        given = (row.input.get(key) for key in self.demos.cascade.keys)
        return self._words(None if value is None else str(value) for value in given)

    @staticmethod
    def _words(texts: Iterable[str | None]) -> tuple[str, ...]:
        """Return texts by their words alone: another stop or capital makes no other task."""
        return tuple(" ".join(_WORD.findall((text or "").casefold())) for text in texts)

    def _latency(self, figures: dict[str, Any]) -> Iterator[Found]:
        """Ask for the seconds of an answer, where they were measured, and the tokens."""
        cascade, bound = self.spec.cascade, self.spec.bounds.p95_seconds
        together = cascade.agree if cascade.early_stop else cascade.samples
        times = [outcome.seconds(together) for outcome in self.outcomes]
        known = sorted(seconds for seconds in times if seconds is not None)
        figures["student tokens in"] = fmean(
            sum(reply.tokens_in for reply in outcome.asked) for outcome in self.outcomes
        )
        if len(known) == len(times):
            p95 = quantiles(known * 2, n=20, method="inclusive")[-1]
            figures |= {"p50 s": known[len(known) // 2], "p95 s": p95}
            if bound is not None and p95 > bound:
                yield "p95", f"found a p95 of {p95:.4g} s; expected at most {bound:g} s"
        elif bound is not None:
            yield (
                "unmeasured",
                f"found {len(times) - len(known)} rows without seconds; expected measured ones",
            )

    def _cost(self, figures: dict[str, Any]) -> Iterator[Found]:
        """Ask how often the teacher is asked, and whether and when the demonstrations pay."""
        bounds, found = self.spec.bounds, self.outcomes
        agreeing = fmean(not outcome.ran.escalated for outcome in found)
        figures["escalation"] = 1 - agreeing
        if 1 - agreeing > bounds.escalation:
            yield (
                "escalation",
                f"found {1 - agreeing:.3f} with the teacher; expected {bounds.escalation:g}",
            )
        sampled = [reply for outcome in found for reply in outcome.asked]
        student = fmean(self._usd("student", reply) for reply in sampled)
        teacher = fmean(self._usd("teacher", outcome.teacher) for outcome in found)
        samples = len(sampled) / len(found)
        call = cascade_usd(samples=samples, student=student, agreeing=agreeing, teacher=teacher)
        pays = break_even(demonstrations=len(self.spec.traces), teacher=teacher, call=call)
        ratio = teacher / call if call else 0.0
        figures |= {"samples": samples, "USD a call": call, "teacher USD a call": teacher}
        figures |= {"ratio": ratio, "break-even calls": pays}
        if ratio < bounds.ratio:
            yield (
                "ratio",
                f"found {ratio:.3g} times cheaper than the teacher; expected {bounds.ratio:g}",
            )
        if bounds.calls is not None and (pays is None or pays > bounds.calls):
            shown = "never" if pays is None else f"{pays:.0f} calls"
            yield "break_even", f"found {shown}; expected at most {bounds.calls:.0f} calls"

    def _usd(self, role: str, reply: Reply) -> float:
        """Return what an answer cost. Raises ``ValueError`` for a model without a price."""
        from pytest_compiledai.llm.price import price

        written = self.spec.prices.get(role)
        if written is not None:
            return (written[0] * reply.tokens_in + written[1] * reply.tokens_out) / _MILLION
        known = price(reply.model)
        if known is None:
            raise ValueError(
                f"no known price of {reply.model}; next: write `prices: {{{role}: ...}}`"
            )
        return float(known.of(reply.tokens_in, reply.tokens_out))


def _is_moving(model: str) -> bool:
    """Return whether a name stands for whatever is newest."""
    return not model.strip() or "*" in model or model.casefold().endswith("latest")


def _near(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether vectors differ by no more than an encoder's last bits."""
    if {k: [len(r) for r in m] for k, m in one.items()} != {
        k: [len(r) for r in m] for k, m in other.items()
    }:
        return False
    return all(
        abs(a - b) <= _DRIFT
        for key in one
        for left, right in zip(one[key], other[key], strict=True)
        for a, b in zip(left, right, strict=True)
    )


def _scattered(question: Question) -> str:
    """Answer each sample differently, so that no two agree."""
    return f"answer {question.sample}"


def _without_teacher(teacher: str, student: Callable[[Question], str]) -> Callable[[Question], str]:
    """Return a way of asking in which the teacher cannot be reached.

    The teacher is told by its question, which has no sampling: both roles may be one model.
    """

    def ask(question: Question) -> str:
        if question.model == teacher and question.temperature == 0:
            raise ConnectionError("the teacher is down")
        return student(question)

    return ask
