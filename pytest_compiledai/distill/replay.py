"""A cascade on golden rows from recorded answers: what it answered, and what that took."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import field

from pytest_compiledai.core.errors import RecordingMissing
from pytest_compiledai.core.golden import Row
from pytest_compiledai.distill.agreeing import canonical
from pytest_compiledai.distill.demos import Demos
from pytest_compiledai.distill.demos import expected
from pytest_compiledai.distill.demospec import DemosSpec
from pytest_compiledai.distill.running import Question
from pytest_compiledai.distill.running import Ran
from pytest_compiledai.distill.running import run
from pytest_compiledai.distill.running import teacher_question
from pytest_compiledai.llm.recording import Recordings
from pytest_compiledai.llm.request import Message
from pytest_compiledai.llm.request import Reply
from pytest_compiledai.llm.request import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one row."""

    row: Row
    ran: Ran
    right: bool
    teacher_right: bool
    asked: tuple[Reply, ...]  # the student's samples
    teacher: Reply  # asked of every row, so that both can be compared

    def seconds(self, together: int) -> float | None:
        """Return the wall clock, the first ``together`` samples side by side; None: unmeasured."""
        times = [reply.seconds for reply in self.asked]
        times += [self.teacher.seconds] if self.ran.escalated else []
        known = [seconds for seconds in times if seconds is not None]
        if len(known) < len(times):
            return None
        return max(known[:together]) + sum(known[together:])


@dataclass(slots=True)
class Answers:
    """The recorded answers of a spec; what is missing is kept, and said once."""

    spec: DemosSpec
    taken: list[Reply] = field(default_factory=list)
    missing: list[Question] = field(default_factory=list)

    def ask(self, question: Question) -> str:
        """Return the recorded answer. Raises ``ModelError`` where it is missing or broken."""
        reply = Recordings(self.spec.folder).choose(
            request_of(question), model=question.model, preferred=None
        )
        if reply is None:
            self.missing.append(question)
            raise _unrecorded(self.spec, question)
        self.taken.append(reply)
        return reply.text


def outcome(spec: DemosSpec, demos: Demos, row: Row) -> Outcome:
    """Return what came of a row. Raises ``RecordingMissing``, ``ModelError``, ``Abstained``."""
    teaching, cascade = Answers(spec), Answers(spec)
    told = teaching.ask(teacher_question(demos, row.input))
    try:
        ran = run(demos, row.input, cascade.ask)
    finally:
        if cascade.missing:  # a sample that is missing is no sample that disagrees
            raise _unrecorded(spec, cascade.missing[0])
    right = canonical(expected(row.output))
    return Outcome(
        row=row,
        ran=ran,
        right=canonical(ran.answer) == right,
        teacher_right=canonical(told) == right,
        asked=tuple(cascade.taken[: ran.samples]),
        teacher=teaching.taken[0],
    )


def outcomes(spec: DemosSpec, demos: Demos, rows: Iterable[Row]) -> list[Outcome]:
    """Return what came of each row. Raises what ``outcome`` raises."""
    return [outcome(spec, demos, row) for row in rows]


def request_of(question: Question) -> Request:
    """Return the request that is sent and recorded for a question."""
    return Request(
        messages=tuple(Message(role=role, content=text) for role, text in question.messages),
        parameters={"max_tokens": question.max_tokens, "temperature": question.temperature},
        sample=question.sample,
    )


def _unrecorded(spec: DemosSpec, question: Question) -> RecordingMissing:
    return RecordingMissing(
        where=spec.path,
        found=f"no recorded answer of {question.model}, sample {question.sample}",
        expected=f"recordings of every validation and test row in {spec.folder.name}/",
        next=f"python -m pytest_compiledai.distill.recording {spec.path}",
    )
