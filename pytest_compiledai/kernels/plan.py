"""The plan of a model: its unique regions, and the order in which one decode step calls them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from typing import Final

from pytest_compiledai.core import strictjson
from pytest_compiledai.core.canonical import digest
from pytest_compiledai.kernels.region import Region
from pytest_compiledai.kernels.region import region_from

FILE: Final = "regions.json"
#: Of the file's form and of how a model is cut; another one makes plans stale.
VERSION: Final = 1


class PlanError(ValueError):
    """The text is not a plan as a capture writes it; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One place of a region in the step; names are of the model's parameters, state and values."""

    region: str
    inputs: tuple[str, ...]  # in the order of the region's inputs
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a capture found."""

    made_from: str  # SHA-256 of everything the capture reads
    tools: Mapping[str, str]  # name -> version of what captured
    regions: tuple[Region, ...]  # one a signature
    calls: tuple[Call, ...]  # one decode step
    inputs: tuple[str, ...]  # of the step
    outputs: tuple[str, ...]
    parameters: int  # elements

    def region(self, name: str) -> Region:
        """Return a region by name; raises ``KeyError``."""
        return {region.name: region for region in self.regions}[name]

    def render(self) -> bytes:
        """Return the file: one region or call a line, LF, ASCII."""
        head = {
            "version": VERSION,
            "made_from": self.made_from,
            "tools": dict(sorted(self.tools.items())),
            "parameters": self.parameters,
            "inputs": list(self.inputs),
            "outputs": list(self.outputs),
        }
        lines = [f" {json.dumps(key)}: {_line(value)}" for key, value in head.items()]
        lines.append(_block("regions", [region.as_json() for region in self.regions]))
        lines.append(
            _block("calls", [[c.region, list(c.inputs), list(c.outputs)] for c in self.calls])
        )
        return ("{\n" + ",\n".join(lines) + "\n}\n").encode("ascii")


def read_plan(data: bytes) -> Plan:
    """Return the plan in ``data``. Raises ``PlanError`` unless it is as ``render`` writes it."""
    try:
        plan = _plan(strictjson.read_json(data.decode("ascii")))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise PlanError(f"{type(error).__name__}: {error}"[:300]) from error
    if plan.render() != data:
        raise PlanError("text that no capture writes")
    return plan


def plan_digest(plan: Plan) -> str:
    """Return the SHA-256 of the plan's file."""
    return digest(plan.render())


def _plan(data: Any) -> Plan:
    if data["version"] != VERSION:
        raise ValueError(f"version {data['version']!r}")
    plan = Plan(
        made_from=str(data["made_from"]),
        tools=dict(data["tools"]),
        regions=tuple(region_from(item) for item in data["regions"]),
        calls=tuple(
            Call(region=name, inputs=tuple(inputs), outputs=tuple(outputs))
            for name, inputs, outputs in data["calls"]
        ),
        inputs=tuple(data["inputs"]),
        outputs=tuple(data["outputs"]),
        parameters=int(data["parameters"]),
    )
    _check(plan)
    return plan


def _check(plan: Plan) -> None:
    names = [region.name for region in plan.regions]
    if len(set(names)) != len(names):
        raise ValueError("two regions of one name")
    if len({region.signature for region in plan.regions}) != len(names):
        raise ValueError("two regions of one signature")
    for call in plan.calls:
        region = plan.region(call.region)
        arity = (len(region.inputs), len(region.outputs))
        if (len(call.inputs), len(call.outputs)) != arity:
            raise ValueError(f"a call of {call.region} with other inputs or outputs than it has")
    for region in plan.regions:
        if region.count != sum(call.region == region.name for call in plan.calls):
            raise ValueError(f"{region.name}: a count that the calls do not have")


def _block(key: str, items: list[Any]) -> str:
    inside = ",\n".join(f"  {_line(item)}" for item in items)
    return f" {json.dumps(key)}: [\n{inside}\n ]" if items else f" {json.dumps(key)}: []"


def _line(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=True, allow_nan=False)
