"""The spec of a task: what a compiler is told, and nothing that an answer says.

A spec holds the functions' schemas as an output to fill from the request. Per task, as published,
the request itself is told, in the description. Its one golden row is a validation row, which no
prompt shows: its expected output is a stand-in that no gate compares, for the accuracy gate is off.
The answers decide afterwards, outside, so that no gate lets a program pass by knowing them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from bench.calls.tasks import Task
from bench.calls.tasks import arguments_schema
from bench.calls.tasks import read_back

INPUT = {
    "type": "object",
    "additionalProperties": False,
    "required": ["request"],
    "properties": {"request": {"type": "string", "maxLength": 20_000}},
}
GATES = {"accuracy": "off", "latency": "off", "fuzz": {"examples": 20, "reference": "none"}}
#: The model answers the request itself, too, and a program has to answer the same or to abstain.
REFERRED = {
    **GATES,
    "fuzz": {"examples": 20, "reference_examples": 1, "agreement": 1, "coverage": 0},
}
_SAME = """import json
import re

DEFAULTS = {defaults}


def plain(value):
    if isinstance(value, str):
        return re.sub(r"[ ,./*^_-]", "", value).lower()
    if isinstance(value, dict):
        kept = {{k: v for k, v in value.items() if k not in DEFAULTS or v != DEFAULTS[k]}}
        return {{name: plain(child) for name, child in kept.items()}}
    return [plain(child) for child in value] if isinstance(value, list) else value


def same(expected, got):
    both = [plain(expected), plain(got)]
    if all(isinstance(one, list) for one in both):
        both = [sorted(json.dumps(call, sort_keys=True) for call in one) for one in both]
    return both[0] == both[1]
"""
_OTHER = re.compile(r"[^a-z0-9]+")


def unit_name(text: str) -> str:
    """Return a task's id as the name of a unit."""
    return ("t_" + _OTHER.sub("_", text.lower()).strip("_"))[:63]


def output_schema(task: Task) -> dict[str, Any]:
    """Return the schema of the call, of one of several calls, or of a list of calls."""
    calls = [_call(function) for function in task.functions]
    if "parallel" in task.category:
        items = calls[0] if len(calls) == 1 else {"anyOf": calls}
        return _object({"calls": {"type": "array", "items": items, "minItems": 1}})
    return calls[0] if len(calls) == 1 else _object({"call": {"anyOf": calls}})


def _call(function: Mapping[str, Any]) -> dict[str, Any]:
    call = _object(
        {
            "name": {"const": function["name"]},
            "arguments": arguments_schema(function["parameters"]),
        }
    )
    return {**call, "description": function["description"]}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": properties}


def spec_text(
    task: Task,
    name: str,
    golden: str,
    *,
    told: bool = False,
    judged: bool = False,
    more: Mapping[str, Any] = {},
) -> str:
    """Return the spec as YAML, each key with its value as JSON; ``more`` keys come last.

    What rows tell is not told by the request; rows that are ``judged`` by pass the accuracy gate.
    """
    told_by = " ".join(f"{f['name']}: {f['description']}" for f in task.functions)
    example = "" if told else f"\n\nThe request, as it comes:\n{task.request}"
    spec = {
        "compiledai": 1,
        "kind": "function",
        "name": name,
        "description": f"Turn a request into the function call it asks for. {told_by}{example}",
        "input": INPUT,
        "output": output_schema(task),
        "golden": golden,
        "gates": _gates(task, name) if judged else GATES,
        "attempts": 3,
        **more,
    }
    return "".join(f"{key}: {json.dumps(value)}\n" for key, value in spec.items())


def _gates(task: Task, name: str) -> dict[str, Any]:
    """Return gates that compare calls as the leaderboard does, as far as a row states it."""
    part = next(key for key in ("calls", "call", "arguments") if key in _parts(task))
    return {
        "fuzz": GATES["fuzz"],
        "accuracy": {"coverage": 0, "metric": {part: f"{name}_same.py:same"}},
    }


def _parts(task: Task) -> Mapping[str, Any]:
    found: Mapping[str, Any] = output_schema(task)["properties"]
    return found


def same_calls(task: Task) -> str:
    """Return the comparator's source: a default left out is a default given; marks do not count."""
    defaults: dict[str, Any] = {}
    for function in task.functions:
        _defaults(function["parameters"], defaults)
    return _SAME.format(defaults=repr(defaults))


def _defaults(parameters: Mapping[str, Any], found: dict[str, Any]) -> None:
    for name, child in parameters.get("properties", {}).items():
        if "default" in child and name not in parameters.get("required", []):
            found[name] = child["default"]
        _defaults(child, found)


def stand_in(schema: Mapping[str, Any]) -> Any:
    """Return the plainest value of a schema; it is compared with nothing."""
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return stand_in(schema["anyOf"][0])
    if schema["type"] == "object":
        return {name: stand_in(schema["properties"][name]) for name in schema["required"]}
    if schema["type"] == "array":
        return [stand_in(schema["items"])] if schema.get("minItems") else []
    return {"string": "", "integer": 0, "number": 0, "boolean": False}[schema["type"]]


def calls_of(task: Task, output: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the calls that an output makes, as the checker has them."""
    made = output.get("calls") or [output.get("call") or output]
    stated = {function["name"]: function["parameters"] for function in task.functions}
    return [{c["name"]: read_back(stated[c["name"]], c["arguments"])} for c in made]
