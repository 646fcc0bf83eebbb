"""Records what teacher and student answer to a spec's rows, with real models over LiteLLM.

The teacher's answers to train rows become the trajectories, where the spec names none of its own.

    python -m pytest_compiledai.distill.recording SPEC.yaml [--budget-tokens N] [--yes]

What is recorded is not asked again, so that a killed run goes on where it was. The most that the
run can cost is printed before the first call.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_compiledai.core.document import first_of_kind
from pytest_compiledai.core.errors import CompiledAIError
from pytest_compiledai.core.files import atomic_write
from pytest_compiledai.core.golden import Row
from pytest_compiledai.core.kind import Project
from pytest_compiledai.core.place import Place
from pytest_compiledai.core.split import Split
from pytest_compiledai.distill.agreeing import canonical
from pytest_compiledai.distill.demos import Demos
from pytest_compiledai.distill.demos import expected
from pytest_compiledai.distill.demos import made
from pytest_compiledai.distill.demos import read_demos
from pytest_compiledai.distill.demospec import DemosSpec
from pytest_compiledai.distill.demospec import read_demos_spec
from pytest_compiledai.distill.replay import request_of
from pytest_compiledai.distill.retrieval import Index
from pytest_compiledai.distill.running import Question
from pytest_compiledai.distill.running import run
from pytest_compiledai.distill.running import student_question
from pytest_compiledai.distill.running import teacher_question
from pytest_compiledai.distill.trace import KEYS
from pytest_compiledai.distill.trace import Step
from pytest_compiledai.distill.trace import Trace
from pytest_compiledai.llm.desk import Desk
from pytest_compiledai.llm.desk import Job
from pytest_compiledai.llm.recording import Recordings


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """The most that recording can cost."""

    calls: int
    tokens_in: int
    tokens_out: int

    def __str__(self) -> str:
        return f"at most {self.calls} calls, {self.tokens_in} tokens in, {self.tokens_out} out"


class Recorder:
    """Asks what the gates of one spec will replay."""

    def __init__(self, spec: DemosSpec, desks: Callable[[str], Desk]) -> None:
        self.spec = spec
        self.desks = desks
        self.recordings = Recordings(spec.folder)
        self.rows: tuple[Row, ...] = spec.rows_in(Split.VALIDATION, Split.TEST)
        self.untaught = Demos((), Index(steps=(), matrices={}), spec.cascade)
        self.demos = read_demos(made(spec)) if spec.traces else self.untaught

    def bill(self) -> Bill:
        """Return the most that can be asked: every sample and the teacher, on every row.

        Before there are trajectories, demonstrations are not in it: the bill is said again then.
        """
        rows = self.spec.rows_in(Split.TRAIN) if not self.spec.traces else ()
        asked = [teacher_question(self.untaught, row.input) for row in rows]
        asked += [question for row in self.rows for question in self._all(row)]
        sizes = [request_of(question).worst(most_answer_bytes=0) for question in asked]
        return Bill(
            calls=len(asked),
            tokens_in=sum(size.tokens_in for size in sizes),
            tokens_out=sum(size.tokens_out for size in sizes),
        )

    def traces(self) -> list[Trace]:
        """Return the teacher's trajectories on train rows, one step each. Raises ``ModelError``."""
        rows = self.spec.rows_in(Split.TRAIN)
        asked = [teacher_question(self.untaught, row.input) for row in rows]
        self._ahead(asked)
        return [_trace(row, self._ask(question)) for row, question in zip(rows, asked, strict=True)]

    def record(self) -> None:
        """Ask what is missing, samples only until they agree. Raises ``ModelError``."""
        for row in self.rows:
            self._ahead(self._all(row)[: self.demos.cascade.agree + 1])
        for row in self.rows:
            faults: list[CompiledAIError] = []
            self._ask(teacher_question(self.demos, row.input))

            def ask(question: Question, faults: list[CompiledAIError] = faults) -> str:
                try:
                    return self._ask(question)
                except CompiledAIError as error:
                    faults.append(error)
                    raise

            try:
                run(self.demos, row.input, ask, timeout_s=3600)
            finally:
                if faults:  # an endpoint that fails is no answer that disagrees
                    raise faults[0]

    def _ahead(self, questions: Sequence[Question]) -> None:
        """Start asking, four at a time a model."""
        for question in questions:
            job = Job(request=request_of(question), recordings=self.recordings)
            self.desks(question.model).prefetch([job])

    def _all(self, row: Row) -> list[Question]:
        sample = student_question(self.demos, row.input)
        samples = [sample(number) for number in range(self.demos.cascade.samples)]
        return [teacher_question(self.demos, row.input), *samples]

    def _ask(self, question: Question) -> str:
        return (
            self.desks(question.model)
            .ask(
                request_of(question),
                recordings=self.recordings,
                where=Place(path=self.spec.path),
                preferred=question.model,
                command=f"python -m pytest_compiledai.distill.recording {self.spec.path}",
            )
            .text
        )


def _trace(row: Row, answer: str) -> Trace:
    """Return a train row and its answer as a trajectory; the score says whether it is right."""
    told = {key: str(row.input[key]) for key in KEYS if row.input.get(key)}
    right = canonical(answer) == canonical(expected(row.output))
    return Trace(
        id=row.id,
        score=float(right),
        goal=told.get("goal"),
        plan=told.get("plan"),
        steps=(Step(observation=told.get("observation"), action=answer.strip()),),
    )


def write(traces: Sequence[Trace], path: Path) -> None:
    """Write trajectories, one a line."""
    lines = "".join(f"{json.dumps(trace.as_json(), ensure_ascii=False)}\n" for trace in traces)
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, lines.encode())


def read(path: Path, root: Path) -> DemosSpec:
    """Return the first unit of kind `demos` of a spec file. Raises ``SpecError``."""
    return read_demos_spec(first_of_kind(path, root, "demos"), Project(root=root))


def main() -> int:
    """Record what is missing, after the bill was shown and agreed to."""
    from pytest_compiledai.llm.desks import desks_of

    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("spec", type=Path)
    parser.add_argument("--budget-tokens", type=int)
    parser.add_argument("--yes", action="store_true", help="begin without asking")
    asked = parser.parse_args()
    say = sys.stderr.write

    def agreed(recorder: Recorder) -> bool:
        folder = recorder.spec.folder.name
        say(f"{recorder.bill()}; what is recorded in {folder}/ is not asked again\n")
        return asked.yes or input("begin? [y/N] ").strip().lower() == "y"

    try:
        root = Path.cwd().resolve()
        spec = read(asked.spec, root)
        with desks_of(asked.budget_tokens) as desks:
            recorder = Recorder(spec, desks)
            if not agreed(recorder):
                return 1
            if not spec.traces:
                write(recorder.traces(), root / spec.traces_path)
                recorder = Recorder(read(asked.spec, root), desks)
                if not agreed(recorder):
                    return 1
            recorder.record()
    except (CompiledAIError, ValueError) as error:
        say(f"{error}\n")
        return 2
    say(f"next: pytest --compile {spec.path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
