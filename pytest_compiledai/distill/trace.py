"""Trajectories: what a teacher saw, thought and did on one task, and how well it went."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from typing import Final

from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.place import Place
from pytest_compiledai.core.strictjson import StrictJSONError
from pytest_compiledai.core.strictjson import read_json

#: What a step can be looked up by.
KEYS: Final = ("goal", "plan", "observation")
_STEP: Final = ("observation", "reasoning", "action")
_TRACE: Final = ("id", "score", "goal", "plan", "steps")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: what was seen, thought and done."""

    observation: str | None = None
    reasoning: str | None = None
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One trajectory."""

    id: str
    score: float  # as its own metric gave it; 1 is success
    goal: str | None = None
    plan: str | None = None
    steps: tuple[Step, ...]

    def key(self, name: str, step: int) -> str | None:
        """Return the text by which a step is found under a key; None where it has none."""
        return self.steps[step].observation if name == "observation" else getattr(self, name)

    def as_json(self) -> dict[str, Any]:
        """Return the record, keys without a value left out."""
        steps = [
            {key: value for key in _STEP if (value := getattr(step, key)) is not None}
            for step in self.steps
        ]
        record = {"id": self.id, "score": self.score, "goal": self.goal, "plan": self.plan}
        return {key: value for key, value in record.items() if value is not None} | {"steps": steps}


def read_traces(data: bytes, path: str) -> tuple[Trace, ...]:
    """Return the trajectories of a JSONL file, in order. Raises ``SpecError``."""
    traces: dict[str, Trace] = {}
    for line, raw in enumerate(data.split(b"\n"), start=1):
        if not raw.strip():
            continue
        try:
            trace = _new(trace_of(read_json(raw.decode("utf-8"))), traces)
        except (StrictJSONError, ValueError) as error:
            raise SpecError(
                where=Place(path=path, line=line),
                found=str(error)[:200],
                expected="a trajectory: id, score, steps of {action}, and goal, plan, observation",
            ) from None
        traces[trace.id] = trace
    return tuple(traces.values())


def _new(trace: Trace, known: Mapping[str, Trace]) -> Trace:
    if trace.id in known:
        raise ValueError(f"the id {trace.id!r} again")
    return trace


def trace_of(record: Any) -> Trace:
    """Return the trajectory in a JSON value. Raises ``ValueError`` for anything else."""
    fields = _object(record, _TRACE, needed=("id", "score", "steps"))
    score, steps = fields["score"], fields["steps"]
    if type(score) not in (int, float) or not abs(score) <= sys.float_info.max:
        raise ValueError(f"the score {score!r}")
    if not isinstance(steps, list) or not steps:
        raise ValueError("no steps")
    return Trace(
        id=_text(fields, "id") or "",
        score=float(score),
        goal=_text(fields, "goal"),
        plan=_text(fields, "plan"),
        steps=tuple(_step(step) for step in steps),
    )


def _step(record: Any) -> Step:
    fields = _object(record, _STEP, needed=("action",))
    return Step(
        observation=_text(fields, "observation"),
        reasoning=_text(fields, "reasoning"),
        action=_text(fields, "action") or "",
    )


def _object(record: Any, keys: tuple[str, ...], *, needed: tuple[str, ...]) -> Mapping[str, Any]:
    if not isinstance(record, dict):
        raise ValueError(f"{record!r}"[:80])  # noqa: TRY004 - one error for what a file says
    odd = [key for key in record if key not in keys] + [key for key in needed if key not in record]
    if odd:
        raise ValueError(f"a key missing or unknown: {odd[0]}")
    return record


def _text(fields: Mapping[str, Any], key: str) -> str | None:
    value = fields.get(key)
    if value is not None and (not isinstance(value, str) or not value.strip()):
        raise ValueError(f"{key}: {value!r}"[:80])
    return value
