"""Programs that others wrote, through the gates: how many wrong ones pass, and right ones fail.

    python -m bench.candidates [--programs N] [--mutants N] [--seed N] [--jobs N] [--json FILE]

`bench/foreign` holds tasks, each with golden rows and right programs of varied style: untyped,
classes, tables, regular expressions, old formatting, scanning by hand. Each is judged as a
`candidate:`, with `syntax: {mypy: off, complexity: 50}`; what the syntax gate refuses counts apart.
Wrong programs are their mutants that answer some golden row otherwise; each is judged by a row it
answers wrong as its one golden row more than those it answers right.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from collections import Counter
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.calls import running
from pytest_compiledai.core.calls import Program
from pytest_compiledai.core.calls import Status
from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.core.interval import wilson
from pytest_compiledai.functions.mutants.mutant import mutants
from pytest_compiledai.sandbox.ladder import open_sandbox

HERE = Path(__file__).parent / "foreign"
COUNTED = ("security", "execution", "accuracy", "fuzz")
GATES = {
    "syntax": {"mypy": "off", "complexity": 50},
    "fuzz": {"reference": "none"},
    "latency": "off",
}
Row = tuple[dict[str, Any], dict[str, Any]]  # input, output


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreign:
    """One program, and what it is judged by."""

    name: str  # of its unit
    style: str
    task: Mapping[str, Any]
    text: str
    rows: tuple[Row, ...]


def read(folder: Path) -> list[Foreign]:
    """Return the programs of a folder, in the order of files and of programs in them."""
    found = []
    for path in sorted(folder.glob("*.txt")):
        head, *texts = path.read_text(encoding="utf-8").split("#### ")
        task = json.loads(head)
        rows = tuple((row[0], row[1]) for row in task["rows"])
        for text in texts:
            style, _, program = text.partition("\n")
            name = f"{path.stem}_{style}"
            found.append(Foreign(name=name, style=style, task=task, text=program, rows=rows))
    return found


def wrong_ones(right: Sequence[Foreign], most: int, seed: int) -> Iterator[Foreign]:
    """Yield mutants that answer a golden row wrong, with that row and those they answer right."""
    sandbox = open_sandbox("auto")
    for item in right:
        function = function_of(item)
        inputs = [canonical_json(data) for data, _ in item.rows]
        for number, mutant in enumerate(mutants(item.text, most=most, seed=seed)):
            program = Program(source=f"{ABSTAIN}{mutant.text}".encode(), function=function)
            with sandbox.open(program) as session:
                said = session.call(inputs)
            fits = [
                answer.status is Status.VALUE and json.loads(answer.value) == row[1]
                for answer, row in zip(said, item.rows, strict=True)
            ]
            if all(fits):
                continue
            kept = [row for row, fit in zip(item.rows, fits, strict=True) if fit]
            kept.append(item.rows[fits.index(False)])
            yield Foreign(
                name=f"{item.name}_m{number}",
                style=mutant.kind,
                task=item.task,
                text=mutant.text,
                rows=tuple(kept),
            )


def function_of(item: Foreign) -> str:
    """Return the name of the function of a program's task."""
    return item.name.removesuffix(f"_{item.style}")


ABSTAIN = "class Abstain(Exception):\n    pass\n\n\n"


def write(root: Path, items: Sequence[Foreign], functions: Sequence[str]) -> None:
    """Write a project that judges each program as a candidate."""
    specs = root / "specs"
    specs.mkdir(parents=True)
    (root / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    for item, function in zip(items, functions, strict=True):
        name = item.name
        spec = {
            "compiledai": 1,
            "kind": "function",
            "name": name,
            "description": item.task["told"],
            "input": _object(item.task["input"]),
            "output": _object(item.task["output"]),
            "golden": f"{name}.jsonl",
            "candidate": f"{name}.py",
            "gates": GATES,
        }
        lines = "".join(f"{key}: {json.dumps(value)}\n" for key, value in spec.items())
        (specs / f"{name}.yaml").write_text(lines, encoding="utf-8")
        text = item.text.replace(f"def {function}(", f"def {name}(")
        (specs / f"{name}.py").write_text(text, encoding="utf-8")
        rows = [
            {"id": f"row-{number}", "split": split, "input": data, "output": output}
            for number, (data, output) in enumerate(item.rows)
            for split in (("test",) if number == len(item.rows) - 1 else ("train",))
        ]
        kept = "".join(json.dumps(row) + "\n" for row in rows)
        (specs / f"{name}.jsonl").write_text(kept, encoding="utf-8")


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": properties,
    }


def judged(items: Sequence[Foreign], functions: Sequence[str], jobs: int) -> dict[str, str]:
    """Return what came of each program by its name: empty for frozen, else gate and finding."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "foreign"
        write(root, items, functions)
        units = running.compiled(root, ["-n", str(jobs)] if jobs > 1 else [])
    return {item.name: refusal(units.get(item.name)) for item in items}


def refusal(unit: Mapping[str, Any] | None) -> str:
    """Return which gate refused a unit and why; empty for none."""
    if unit is None:
        return "error: no report"
    if unit["outcome"] == "frozen":
        return ""
    for name, gate in unit["gates"].items():
        if gate["outcome"] == "failed":
            told = gate["findings"][0]["message"] if gate["findings"] else ""
            return f"{name}: {told[:200]}"
    return f"error: {unit['outcome']}"


def measured(items: Sequence[Foreign], most: int, seed: int, jobs: int) -> dict[str, Any]:
    """Judge the right programs and the wrong ones made of them."""
    wrong = list(wrong_ones(items, most, seed)) if most else []
    origin = {item.name: function_of(item) for item in items}
    names = [origin[item.name.rpartition("_m")[0]] for item in wrong]
    right = judged(items, [origin[item.name] for item in items], jobs)
    return {"right": right, "wrong": judged(wrong, names, jobs) if wrong else {}}


def show(found: Mapping[str, Mapping[str, str]]) -> None:
    """Print how many were refused, by gate, and every right program that was."""
    for kind in ("right", "wrong"):
        results = found[kind]
        gates = Counter(text.partition(":")[0] for text in results.values() if text)
        refused = sum(gates[gate] for gate in COUNTED) if kind == "right" else sum(gates.values())
        n = len(results)
        span = wilson(refused, n)
        print(
            f"{kind:6} {n:4} programs, {refused} refused"
            f" [{span.low:.1%}, {span.high:.1%}]; by gate {dict(gates)}"
        )
    for name, text in found["right"].items():
        if text:
            print(f"  right, refused: {name}: {text}")
    for name, text in found["wrong"].items():
        if not text:
            print(f"  wrong, accepted: {name}")


def main() -> None:
    """Judge and print; the figures also as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=HERE)
    parser.add_argument("--programs", type=int, default=0, help="drawn from the folder; 0 is all")
    parser.add_argument("--mutants", type=int, default=3, help="of each right program, at most")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    items = read(options.folder)
    if options.programs:
        items = random.Random(options.seed).sample(items, min(options.programs, len(items)))
    found = measured(items, options.mutants, options.seed, options.jobs)
    show(found)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
