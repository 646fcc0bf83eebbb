"""The JSON report of a run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pytest_compiledai.core.result import Result
from pytest_compiledai.llm.redact import redact_values

VERSION = 1


def render(results: Sequence[Result]) -> bytes:
    """Return the JSON report: keys in a fixed order, LF, units by name."""
    document = {"version": VERSION, "units": [_unit(result) for result in results]}
    # Messages quote rows and tools; whatever looks like a key stays out of a file that is shared.
    text = json.dumps(redact_values(document), indent=2, ensure_ascii=False)
    return f"{text}\n".encode()


def _unit(result: Result) -> dict[str, Any]:
    unit: dict[str, Any] = {
        "id": f"{result.spec}::{result.unit}",
        "kind": result.kind,
        "outcome": str(result.outcome),
        "attempts": result.attempts,
        "tokens": {"in": result.cost.tokens_in, "out": result.cost.tokens_out},
        "gates": _gates(result),
        "artifact": {
            "files": [
                {"path": path, "sha256": sha256}
                for path, sha256 in sorted(result.files.items())
                if result.accepted
            ]
        },
    }
    if result.trouble is not None:
        unit["error"] = str(result.trouble.error())
    return unit


def _gates(result: Result) -> dict[str, Any]:
    gates: dict[str, Any] = {}
    for gate in result.gates:
        verdict = result.verdict(gate)
        if verdict is None:
            gates[gate] = {"outcome": "skipped", "findings": [], "figures": {}}
        else:
            gates[gate] = {
                "outcome": "passed" if verdict.passed else "failed",
                "findings": [finding.as_json() for finding in verdict.findings],
                "figures": dict(verdict.figures),
            }
    off = {gate: {"outcome": "off", "findings": [], "figures": {}} for gate in result.off}
    return gates | off
