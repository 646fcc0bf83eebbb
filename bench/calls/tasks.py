"""The benchmark's tasks and the specs made of them.

A folder holds `CATEGORY.jsonl`, a task a line, and `CATEGORY_answers.jsonl`, by the task's id.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TYPES = {"dict": "object", "float": "number", "tuple": "array", "any": "string"}
#: What the subset of JSON Schema has, beside a type.
KEPT = ("description", "enum", "items", "properties", "required")


class NoSchema(ValueError):
    """A function's parameters cannot be said as a schema: an object or a list of anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task: a request, the functions at hand, and the right calls."""

    id: str
    category: str
    request: str
    functions: tuple[Mapping[str, Any], ...]
    answers: tuple[Mapping[str, Any], ...]  # empty: the right answer is no call

    @property
    def key(self) -> str:
        """The functions' schema as text: equal for tasks that one program could serve."""
        return json.dumps([self.category, self.functions], sort_keys=True)


def read_tasks(folder: Path) -> list[Task]:
    """Return the tasks of a folder, in the order of its file names. Raises ``OSError``."""
    found: list[Task] = []
    for path in sorted(folder.glob("*.jsonl")):
        if not path.stem.endswith("_answers"):
            found += _read(path)
    return found


def _read(path: Path) -> list[Task]:
    answered = path.with_name(f"{path.stem}_answers.jsonl")
    answers = {row["id"]: row["ground_truth"] for row in _lines(answered)}
    return [
        Task(
            id=row["id"],
            category=path.stem,
            request="\n".join(m["content"] for m in row["question"][0] if m["role"] == "user"),
            functions=tuple(row["function"]),
            answers=tuple(answers.get(row["id"], ())),
        )
        for row in _lines(path)
    ]


def _lines(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def arguments_schema(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON Schema of a function's arguments. Raises ``NoSchema``."""
    return _schema(parameters)


def _schema(data: Mapping[str, Any]) -> dict[str, Any]:
    stated = TYPES.get(data.get("type", ""), data.get("type"))
    found: dict[str, Any] = {"type": stated}
    if stated == "object":
        if not data.get("properties"):
            raise NoSchema("an object of anything")
        named = {name: _schema(child) for name, child in data["properties"].items()}
        found["properties"] = named
        found["required"] = [name for name in data.get("required", []) if name in named]
    elif stated == "array":
        if not isinstance(data.get("items"), Mapping) or "type" not in data["items"]:
            raise NoSchema("a list of anything")
        # A set that is stated beside a list is that of its items.
        found["items"] = _schema({"enum": data.get("enum"), **data["items"]})
    elif data.get("enum"):
        found["enum"] = list(dict.fromkeys(data["enum"]))
    text = str(data.get("description", ""))
    if "default" in data:
        text = f"{text} Default is {data['default']!r}.".strip()
    if text:
        found["description"] = text
    return found
