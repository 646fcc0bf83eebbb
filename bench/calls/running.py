"""Tasks compiled as a project of specs, and what the frozen programs answer in the sandbox."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from statistics import median
from typing import Any

from bench.calls.specs import calls_of
from bench.calls.specs import output_schema
from bench.calls.specs import same_calls
from bench.calls.specs import spec_text
from bench.calls.specs import stand_in
from bench.calls.specs import unit_name
from bench.calls.tasks import Task
from bench.calls.tasks import written
from pytest_compiledai.asking import request_of
from pytest_compiledai.core.calls import Program
from pytest_compiledai.core.calls import Status
from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.core.document import read_documents
from pytest_compiledai.core.errors import SandboxError
from pytest_compiledai.core.kind import Project
from pytest_compiledai.core.unit import Unit as CompileUnit
from pytest_compiledai.functions import prompt
from pytest_compiledai.functions import reference
from pytest_compiledai.functions.kind import FunctionKind
from pytest_compiledai.functions.proposing import opening
from pytest_compiledai.functions.synth.proposal import programs
from pytest_compiledai.gates import latency
from pytest_compiledai.gates.complexity import complexities
from pytest_compiledai.llm.recording import Recordings
from pytest_compiledai.llm.request import Request
from pytest_compiledai.sandbox.ladder import open_sandbox

#: Where no example was ever drawn.
NOWHERE = Path("recordings")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A spec to compile, the rows it may learn from, and the tasks it is tested on."""

    name: str
    train: tuple[tuple[Task, Any], ...]  # a task and the output that its row states
    test: tuple[Task, ...]


@dataclass(slots=True, kw_only=True)
class Run:
    """What came of compiling units and of calling what was frozen."""

    units: dict[str, dict[str, Any]] = field(default_factory=dict)  # of the JSON report, by name
    calls: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # of a task, if answered
    reasons: dict[str, str] = field(default_factory=dict)  # of a task, if it was abstained from
    failed: dict[str, str] = field(default_factory=dict)  # of a task, if the program broke
    complexities: list[int] = field(default_factory=list)  # of each function that was frozen
    call_ms: list[float] = field(default_factory=list)  # P50 of a program, as its gate measures


def per_task(tasks: Sequence[Task]) -> list[Unit]:
    """Return a unit a task: compiled from its own request, without its answer, as published."""
    return [
        Unit(
            name=unit_name(task.id),
            train=((task, stand_in(output_schema(task))),),
            test=(task,),
        )
        for task in tasks
    ]


def per_function(tasks: Sequence[Task]) -> list[Unit]:
    """Return a unit a schema that several tasks share: half of them to learn from, half to test."""
    groups: dict[str, list[Task]] = {}
    for task in tasks:
        groups.setdefault(task.key, []).append(task)
    found = []
    for group in groups.values():
        if len(group) > 1 and group[0].answers:
            half = len(group) // 2
            train = tuple((task, expected(task)) for task in group[:half])
            found.append(Unit(name=unit_name(group[0].id), train=train, test=tuple(group[half:])))
    return found


def expected(task: Task) -> Any:
    """Return the output that a task's answers state first."""
    stated = {function["name"]: function["parameters"] for function in task.functions}
    calls = [
        {"name": name, "arguments": written(stated[name], _first(allowed))}
        for answer in task.answers
        for name, allowed in answer.items()
    ]
    if "parallel" in task.category:
        return {"calls": calls}
    return calls[0] if len(task.functions) == 1 else {"call": calls[0]}


def _first(allowed: Mapping[str, list[Any]]) -> dict[str, Any]:
    return {
        name: _first(values[0]) if isinstance(values[0], dict) else values[0]
        for name, values in allowed.items()
        if values[0] != ""
    }


def write(
    root: Path, units: Sequence[Unit], *, accuracy: bool, more: Mapping[str, Any] = {}
) -> None:
    """Write a project of specs; ``more`` are further keys of each."""
    folder = root / "specs"
    folder.mkdir(parents=True)
    (root / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    for unit in units:
        task, judged = unit.train[0][0], accuracy and len(unit.train) > 1
        text = spec_text(
            task, unit.name, f"{unit.name}.jsonl", told=accuracy, judged=judged, more=more
        )
        (folder / f"{unit.name}.yaml").write_text(text, encoding="utf-8")
        if judged:
            same = folder / f"{unit.name}_same.py"
            same.write_text(same_calls(task), encoding="utf-8")
        lines = [
            json.dumps(
                {"id": t.id, "split": split, "input": {"request": t.request}, "output": output}
            )
            for (t, output), split in zip(unit.train, _splits(unit, accuracy=accuracy), strict=True)
        ]
        (folder / f"{unit.name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _splits(unit: Unit, *, accuracy: bool) -> list[str]:
    """Return the split of each row: of several that teach, the last one decides."""
    if not accuracy:
        return ["validation"] * len(unit.train)
    few = len(unit.train) - 1
    return ["train"] * few + ["test"] if few else ["train"]


def compiled(root: Path, arguments: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the units of the JSON report of `pytest --compile`, by name."""
    command = [sys.executable, "-m", "pytest", "--compile", "--compile-report", "report.json"]
    command += ["-q", "-p", "no:randomly", "-p", "no:cacheprovider", *arguments, "specs"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    report = root / "report.json"
    if not report.exists():
        raise SystemExit(done.stdout[-3000:] + done.stderr[-3000:])
    units = json.loads(report.read_text(encoding="utf-8"))["units"]
    return {unit["id"].rpartition("::")[2]: unit for unit in units}


def synthesised(root: Path, units: Sequence[Unit], run: Run) -> None:
    """Answer with builtin/synth's own parts, in this process: no gate, no sandbox, seconds."""
    for unit in units:
        path = root / "specs" / f"{unit.name}.yaml"
        (document,) = read_documents(path.read_bytes(), f"specs/{unit.name}.yaml")
        (read,) = FunctionKind().read(document, Project(root=root))
        found = programs(read.body)
        run.units[unit.name] = {
            "outcome": "frozen" if found else "error",
            "attempts": len(found),
            "tokens": {"in": 0, "out": 0},
        }
        for task in unit.test if found else ():
            output = found[0].answer({"request": task.request})
            if output is None:
                run.reasons[task.id] = "abstained"
            else:
                run.calls[task.id] = calls_of(task, output)


def answered(root: Path, units: Sequence[Unit], run: Run) -> None:
    """Call each frozen program on its tests, in the sandbox, and time the calls."""
    sandbox = open_sandbox("auto")
    for unit in units:
        path = root / "compiled" / f"{unit.name}.py"
        if not path.exists():
            continue
        program = Program(source=path.read_bytes(), function=unit.name)
        inputs = [canonical_json({"request": task.request}) for task in unit.test]
        with sandbox.open(program) as session:
            answers = session.call(inputs)
        timed = latency.measured(sandbox, program, inputs)
        if isinstance(timed, SandboxError):
            raise timed
        run.call_ms.append(timed.p50_ns / 1e6)
        for task, answer in zip(unit.test, answers, strict=True):
            if answer.status is Status.VALUE:
                run.calls[task.id] = calls_of(task, json.loads(answer.value))
            elif answer.status is Status.ABSTAIN:
                run.reasons[task.id] = answer.detail
            else:
                run.failed[task.id] = f"{answer.status.value} {answer.detail}"
        run.complexities += [item.paths for item in complexities(ast.parse(program.source))]


def requests_of(root: Path, recordings: Path | None) -> list[dict[str, Any]]:
    """Return what has no recording, as an endpoint is asked it.

    That is the first request of each chain, and what the reference is asked.
    """
    missing = []
    for path in sorted((root / "specs").glob("*.yaml")):
        (document,) = read_documents(path.read_bytes(), f"specs/{path.name}")
        (read,) = FunctionKind().read(document, Project(root=root))
        for request in _asked(read):
            if recordings is not None and Recordings(recordings).find(request.key):
                continue
            messages = [{"role": m.role, "content": m.content} for m in request.messages]
            body = {"messages": messages, **request.parameters, "seed": request.sample}
            missing.append({"unit": read.name, "key": request.key, "body": body})
    return missing


def _asked(unit: CompileUnit) -> Iterator[Request]:
    """Yield the requests that a unit cannot do without."""
    for sample in range(unit.candidates):
        yield request_of(opening(unit.body), sample)
    if unit.body.fuzz.reference == "model":
        inputs = reference.inputs_of(unit.body, NOWHERE) or []
        for batch in reference.batches(inputs):
            yield request_of(prompt.reference(unit.body, batch), 0)


def drop_unanswered(root: Path, missing: Sequence[dict[str, Any]]) -> None:
    """Remove the specs whose first chain or whose reference has no recording.

    builtin/synth would answer for the one, and nothing could be compared with the other.
    """
    for item in missing:
        if not item["body"]["seed"]:
            (root / "specs" / f"{item['unit']}.yaml").unlink(missing_ok=True)


def p50(run: Run) -> float:
    """Return the median CPU milliseconds of a call, 0 where none was timed."""
    return median(run.call_ms or [0.0])
