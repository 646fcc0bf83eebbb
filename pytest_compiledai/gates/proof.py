"""The proof, at the start of every run, that the dynamic gates still tell good code from bad.

The samples are ours and run in the sandbox like any other code. A few of each gate are enough at
the start; the test suite walks the whole corpus.
"""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_compiledai.assets import asset
from pytest_compiledai.core.calls import Program
from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.core.gate import Phase
from pytest_compiledai.core.golden import Row
from pytest_compiledai.core.place import Place
from pytest_compiledai.core.schema import Schema
from pytest_compiledai.core.split import Split
from pytest_compiledai.gates import accuracy
from pytest_compiledai.gates import execution
from pytest_compiledai.gates import fuzz
from pytest_compiledai.gates import latency
from pytest_compiledai.gates.aimed import aimed
from pytest_compiledai.gates.corpus import Sample
from pytest_compiledai.gates.corpus import samples
from pytest_compiledai.gates.drawing import drawn_or_none
from pytest_compiledai.gates.malformed import derive

if TYPE_CHECKING:
    from pytest_compiledai.core.calls import Sandbox
    from pytest_compiledai.core.verdict import Verdict

Draw = Callable[..., tuple[bytes, ...]]

GATES: Final = ("execution", "accuracy", "latency", "fuzz")
#: Rules whose samples are quick to judge; a timeout, for one, takes seconds to show.
_QUICK: Final = frozenset(
    {
        "execution.exception",
        "execution.unstable",
        "accuracy.wrong",
        "accuracy.memorised",
        "latency.p50",
        "fuzz.exception",
        "fuzz.agreement",
    }
)
_MALFORMED: Final = 20
_AIMED: Final = 40  # the same, of those with a literal of the sample
_SEED: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What the samples of one gate are to do: ``corpus/task.json``."""

    input: Schema
    output: Schema
    rows: tuple[Row, ...]
    references: tuple[fuzz.Reference, ...]
    settings: dict[str, Any]
    told: str  # what a proposer would have been told


@functools.cache
def task(gate: str) -> Task:
    """Return the task that the samples of ``gate`` are judged by."""
    data = json.loads(asset("gates", gate, "corpus", "task.json").read_text(encoding="utf-8"))

    def place(*keys: str | int) -> Place:
        del keys
        return Place(path=f"gates/{gate}/corpus/task.json")

    return Task(
        input=Schema.parse(data["input"], place),
        output=Schema.parse(data["output"], place, closed=True),
        rows=tuple(_row(item, place()) for item in data["rows"]),
        references=tuple(
            fuzz.Reference(
                input=item["input"],
                output=item["output"],
                place=place(),
                abstained=item["output"] is None,
            )
            for item in data.get("references", [])
        ),
        settings=data.get("settings", {}),
        told=f"{data['description']} {json.dumps([data['input'], data['output']])}",
    )


def _row(item: dict[str, Any], place: Place) -> Row:
    key = canonical_json(item["input"])
    split = Split(item["split"])
    return Row(
        id=item["id"],
        input=item["input"],
        output=item["output"],
        split=split,
        place=place,
        key=key,
    )


def smoke(sandbox: Sandbox, *, draw: Draw = drawn_or_none) -> tuple[str, ...]:
    """Return the paths of the quick samples that a gate judged wrongly; empty: all is well.

    ``draw`` draws the fuzz gate's examples, as in ``fuzz.judge``.
    """
    few: dict[tuple[str, bool], Sample] = {}
    for gate in GATES:
        for sample in samples(gate):
            # One good sample proves a gate's good side.
            key = (gate if sample.is_good else sample.rule, sample.is_good)
            if sample.is_good or sample.rule in _QUICK:
                few.setdefault(key, sample)
    missing = sorted(_QUICK - {rule for rule, is_good in few if not is_good})
    wrong = [item.source.path for item in few.values() if not is_told(item, sandbox, draw=draw)]
    return (*missing, *wrong)


def is_told(sample: Sample, sandbox: Sandbox, *, draw: Draw = drawn_or_none) -> bool:
    """Whether the gate finds the sample's rule in a bad one, and nothing at all in a good one."""
    found = {item.rule for item in judged(sample, sandbox, draw=draw).findings}
    return not found if sample.is_good else sample.rule in found


def judged(sample: Sample, sandbox: Sandbox, *, draw: Draw = drawn_or_none) -> Verdict:
    """Return the verdict of the sample's own gate."""
    gate = sample.rule.partition(".")[0]
    program = Program(source=sample.source.data, function="route")
    if gate == fuzz.GATE:
        return _fuzz(sandbox, program, task(gate), draw)
    return _JUDGES[gate](sandbox, program, task(gate))


def _execution(sandbox: Sandbox, program: Program, given: Task) -> Verdict:
    text = program.source.decode("utf-8")
    return execution.judge(
        sandbox=sandbox,
        program=program,
        cases=[execution.Case(input=r.key, place=r.place, quotable=True) for r in given.rows],
        malformed=derive(given.input, [given.rows[0].input], most=_MALFORMED),
        aimed=aimed(text, given.input, [given.rows[0].input], most=_AIMED),
        input_schema=given.input,
        output_schema=given.output,
        seed=_SEED,
    )


def _accuracy(sandbox: Sandbox, program: Program, given: Task) -> Verdict:
    with sandbox.open(program) as session:
        answers = session.call([row.key for row in given.rows])
    return accuracy.judge(
        rows=given.rows,
        answers={row.id: answer for row, answer in zip(given.rows, answers, strict=True)},
        settings=accuracy.AccuracySettings(),
        phase=Phase.ACCEPT,
        source_text=program.source.decode("utf-8"),
        spec_text=given.told,
    )


def _latency(sandbox: Sandbox, program: Program, given: Task) -> Verdict:
    return latency.judge(
        sandbox=sandbox,
        program=program,
        inputs=[row.key for row in given.rows],
        settings=latency.LatencySettings(**given.settings),
        reference_seconds=None,
        exclusive=contextlib.nullcontext(),
    )


def _fuzz(sandbox: Sandbox, program: Program, given: Task, draw: Draw) -> Verdict:
    return fuzz.judge(
        sandbox=sandbox,
        program=program,
        input_schema=given.input,
        output_schema=given.output,
        train_inputs=[row.input for row in given.rows],
        settings=fuzz.FuzzSettings(**given.settings),
        coverage=1.0,
        seed=_SEED,
        draw=draw,
        references=given.references,
    )


_JUDGES: Final[dict[str, Callable[[Sandbox, Program, Task], Verdict]]] = {
    "execution": _execution,
    "accuracy": _accuracy,
    "latency": _latency,
}
