"""`compiledai keep`: the fuzz gate's shrunk counterexample becomes a golden row for training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pytest_compiledai.commands.attempt import read_json
from pytest_compiledai.commands.units import entry_of
from pytest_compiledai.commands.units import spec_of
from pytest_compiledai.core.canonical import digest_of
from pytest_compiledai.core.errors import SettingsError
from pytest_compiledai.core.files import atomic_write
from pytest_compiledai.core.split import Split
from pytest_compiledai.counterexamples import recall
from pytest_compiledai.functions.spec import FunctionSpec


def keep(root: Path, lock: Path, name: str, *, output: str | None, value: str | None) -> int:
    """Append a train row to the unit's golden file, checked against its schemas first."""
    root = root.resolve()
    last = recall(root, name)
    if value is None and last is None:
        raise SettingsError(
            where=f"keep {name}",
            found="no counterexample from the last run",
            expected="a failed fuzz gate, or --input JSON",
            next=f"compiledai keep {name} --input JSON --output JSON",
        )
    taken = read_json(value, where="--input") if value is not None else (last or {})["input"]
    shown = json.dumps(taken, ensure_ascii=False)
    if output is None:
        raise SettingsError(
            where=f"keep {name}",
            found=f"the input {shown} without an answer",
            expected="--output JSON, the right answer for it, or null where it has to abstain",
            next=f"compiledai keep {name} --output JSON",
        )
    spec = spec_of(root, last["spec"] if last else entry_of(lock, name).spec, name)
    row = _row(spec, taken, read_json(output, where="--output"))
    path = root / spec.golden
    text = path.read_text(encoding="utf-8")
    lead = "" if text.endswith("\n") else "\n"
    atomic_write(path, f"{text}{lead}{json.dumps(row, ensure_ascii=False)}\n".encode())
    print(f"{spec.golden}: kept {row['id']}; next: pytest --compile {spec.path}::{name}")  # noqa: T201 - a command speaks
    return 0


def _row(spec: FunctionSpec, value: Any, output: Any) -> dict[str, Any]:
    demands_abstention = output is None
    problems = [*spec.input.problems(value)]
    problems += [] if demands_abstention else spec.output.problems(output)
    if problems:
        raise SettingsError(
            where=f"keep {spec.name}",
            found=str(problems[0]),
            expected="what the schemas say",
            next=f"compiledai keep {spec.name} --input JSON --output JSON",
        )
    if any(row.input == value for row in spec.rows):
        raise SettingsError(
            where=spec.golden,
            found="a row with that input",
            expected="an input it does not have",
            next=f"correct that row, then pytest --compile {spec.path}::{spec.name}",
        )
    return {
        "id": f"kept-{digest_of(value)[:12]}",
        "input": value,
        "output": output,
        "split": str(Split.TRAIN),
    }
