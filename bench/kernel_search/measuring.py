"""Measures every kernel of a space that the gates let through, in turns with the framework."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from bench.kernel_search import space
from pytest_compiledai.kernels import apart
from pytest_compiledai.kernels import native
from pytest_compiledai.kernels import ranking
from pytest_compiledai.kernels.instructions import counted
from pytest_compiledai.kernels.judge import execution
from pytest_compiledai.kernels.judge import security

#: Rounds over the whole space: what disturbs one minute disturbs no single kernel.
ROUNDS = 3


def measured(region: str) -> list[dict[str, Any]]:
    """Return a row for each candidate; ``ns`` is None for one that a gate refuses."""
    stated = space.contract(region)
    known = space.candidates(stated)
    rows: list[dict[str, Any]] = []
    for place, candidate in enumerate(known):
        ran, right = execution(stated, candidate, dtypes=("float32",), seed=1)
        passed = security(stated, candidate.source, "cpp")[1].passed and ran.passed and right.passed
        with tempfile.TemporaryDirectory() as name:
            shown = counted(native.build(candidate.source, Path(name)))
        rows.append(
            {
                "id": ranking.name_of(place),
                "parameters": dict(candidate.parameters),
                "passed": passed,
                "ns": None,
                "framework_ns": None,
                "slowed": round(shown.slowed(), 3),
                "hint": shown.told(),
            }
        )
        if not passed:
            print(f"{region} {rows[-1]['id']} refused {(ran.findings + right.findings)[0].message}")
    for _ in range(ROUNDS):
        for row, candidate in zip(rows, known, strict=True):
            if row["passed"]:
                own, framework = apart.ask("measured", stated, candidate, "float32")
                row["ns"] = min(*own, row["ns"] or own[0])
                row["framework_ns"] = min(*framework, row["framework_ns"] or framework[0])
    print(f"{region}: {len(rows)} kernels measured", flush=True)
    return rows
