"""The benchmark's tasks and the specs made of them.

A folder holds `CATEGORY.jsonl`, a task a line, and `CATEGORY_answers.jsonl`, by the task's id.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TYPES = {"dict": "object", "float": "number", "tuple": "array", "any": "string"}
#: What the subset of JSON Schema has, beside a type.
KEPT = ("description", "enum", "items", "properties", "required")


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
    """Return the JSON Schema of a function's arguments.

    No schema of ours states an object or a list of anything: such a value is a text of JSON.
    """
    named = {name: _schema(child) for name, child in parameters["properties"].items()}
    required = [name for name in parameters.get("required", []) if name in named]
    stated = {"type": "object", "properties": named, "required": required}
    return stated | _told(parameters, str(parameters.get("description", "")))


def written(parameters: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments as their schema has them."""
    return _members(parameters, arguments, lambda value: json.dumps(value, ensure_ascii=False))


def read_back(parameters: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments as a function takes them; a text that is no JSON stays a text."""
    return _members(parameters, arguments, _read_text)


def _read_text(text: Any) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _members(
    data: Mapping[str, Any], values: Mapping[str, Any], change: Callable[[Any], Any]
) -> dict[str, Any]:
    stated = data.get("properties", {})
    return {name: _changed(stated.get(name, {}), value, change) for name, value in values.items()}


def _changed(data: Mapping[str, Any], value: Any, change: Callable[[Any], Any]) -> Any:
    """Return a value with ``change`` made of each part in which anything may be."""
    if _is_free(data):
        return change(value)
    if isinstance(value, dict):
        return _members(data, value, change)
    if isinstance(value, list):
        return [_changed(data.get("items", {}), child, change) for child in value]
    return value


def is_stated(task: Task) -> bool:
    """Whether a schema says of every part of the arguments what it is."""
    return not any(_has_free(child) for f in task.functions for child in _children(f["parameters"]))


def _has_free(data: Mapping[str, Any]) -> bool:
    return _is_free(data) or any(_has_free(child) for child in _children(data))


def _children(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    items = data.get("items")
    found = list(data.get("properties", {}).values())
    return [*found, items] if isinstance(items, Mapping) else found


def _is_free(data: Mapping[str, Any]) -> bool:
    """Whether anything may be inside: an object without properties, a list without a type."""
    stated = _type(data)
    if stated == "object":
        return not data.get("properties")
    typed = isinstance(data.get("items"), Mapping) and "type" in data["items"]
    return stated == "array" and not typed


def _type(data: Mapping[str, Any]) -> str | None:
    return TYPES.get(data.get("type", ""), data.get("type"))


def _schema(data: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"type": _type(data)}
    text = str(data.get("description", ""))
    if _is_free(data):
        found["type"] = "string"
        text = f"{text} Written as a text of JSON.".strip()
    elif found["type"] == "object":
        return arguments_schema(data)
    elif found["type"] == "array":
        # A set that is stated beside a list is that of its items.
        found["items"] = _schema({"enum": data.get("enum"), **data["items"]})
    elif data.get("enum"):
        found["enum"] = list(dict.fromkeys(data["enum"]))
    return found | _told(data, text)


def _told(data: Mapping[str, Any], text: str) -> dict[str, str]:
    """Return the description with the default, which no schema of ours states."""
    if "default" in data:
        text = f"{text} Default is {data['default']!r}.".strip()
    return {"description": text} if text else {}
