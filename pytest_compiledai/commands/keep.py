"""`compiledai keep`: the fuzz gate's shrunk counterexample becomes a golden row for training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pytest_compiledai.commands.attempt import read_json
from pytest_compiledai.core.canonical import digest_of
from pytest_compiledai.core.document import read_documents
from pytest_compiledai.core.entry import Entry
from pytest_compiledai.core.errors import SettingsError
from pytest_compiledai.core.files import atomic_write
from pytest_compiledai.core.kind import Project
from pytest_compiledai.core.lock import read_lock
from pytest_compiledai.core.lock import read_lock_file
from pytest_compiledai.core.split import Split
from pytest_compiledai.counterexamples import recall
from pytest_compiledai.functions.spec import FunctionSpec
from pytest_compiledai.functions.spec import read_function_spec


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
            expected="--output JSON, the right answer for it",
            next=f"compiledai keep {name} --output JSON",
        )
    spec = _spec(root, name, last["spec"] if last else _entry(lock, name).spec)
    row = _row(spec, taken, read_json(output, where="--output"))
    path = root / spec.golden
    text = path.read_text(encoding="utf-8")
    lead = "" if text.endswith("\n") else "\n"
    atomic_write(path, f"{text}{lead}{json.dumps(row, ensure_ascii=False)}\n".encode())
    print(f"{spec.golden}: kept {row['id']}; next: pytest --compile {spec.path}::{name}")  # noqa: T201 - a command speaks
    return 0


def _row(spec: FunctionSpec, value: Any, output: Any) -> dict[str, Any]:
    problems = [*spec.input.problems(value), *spec.output.problems(output)]
    if problems:
        raise SettingsError(
            where=f"keep {spec.name}", found=str(problems[0]), expected="what the schemas say"
        )
    if any(row.input == value for row in spec.rows):
        raise SettingsError(
            where=spec.golden, found="a row with that input", expected="an input it does not have"
        )
    return {
        "id": f"kept-{digest_of(value)[:12]}",
        "input": value,
        "output": output,
        "split": str(Split.TRAIN),
    }


def _spec(root: Path, name: str, where: str) -> FunctionSpec:
    for document in read_documents((root / where).read_bytes(), where):
        if document.data.get("name") == name:
            # Capabilities do not matter for a row; granting what is asked keeps the reader quiet.
            asked = frozenset(document.data.get("capabilities", []))
            return read_function_spec(document, Project(root=root, grants={name: asked}))
    raise SettingsError(where=where, found=f"no spec of {name}", expected="one")


def _entry(path: Path, name: str) -> Entry:
    data = read_lock_file(path, path.name)
    entries = read_lock(data, path.name).lock.entries if data else {}
    if name not in entries:
        raise SettingsError(
            where=path.name,
            found=f"no entry of {name}",
            expected="a unit that was compiled",
            next="pytest --compile specs/",
        )
    return entries[name]
