"""Seconds and regions of capturing full-size models with no weights: ``python -m bench.capture``.

    python -m bench.capture [--model NAME ...] [--context N] [--json FILE]

Each model of `fixtures/models` is captured in a process of its own, as a compile does; the seconds
are that process's, Python's and torch's start included. The aim is 20 s a model.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pytest_compiledai.core.document import read_documents
from pytest_compiledai.core.kind import Project
from pytest_compiledai.kernels.capturing import captured
from pytest_compiledai.kernels.plan import read_plan
from pytest_compiledai.kernels.spec import read_model_spec

ROOT = Path(__file__).parents[1]
MODELS = ROOT / "fixtures" / "models"
SPEC = """\
compiledai: 1
kind: model
name: captured
description: A full-size model, captured with no weights.
config: fixtures/models/{name}.json
shapes: {{batch: 1, context: {context}}}
dtype: bfloat16
targets: [sm_90]
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Capture and print one line a model; the figures also as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--model", action="append", default=[])
    parser.add_argument("--context", type=int, default=4096)
    parser.add_argument("--json", type=Path)
    told = parser.parse_args(arguments)
    names = told.model or sorted(path.stem for path in MODELS.glob("*.json"))
    rows = [measured(name, told.context) for name in names]
    print(f"{'model':16}{'wall s':>9}{'CPU s':>9}{'regions':>9}{'calls':>8}{'parameters':>16}")
    for row in rows:
        print(
            f"{row['model']:16}{row['wall_s']:9.1f}{row['cpu_s']:9.1f}{row['regions']:9}"
            f"{row['calls']:8}{row['parameters']:16,}  {row['families']}"
        )
    if told.json:
        told.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    return 0


def measured(name: str, context: int) -> dict[str, Any]:
    """Return what one capture took and found."""
    text = SPEC.format(name=name, context=context).encode()
    (document,) = read_documents(text, "bench.yaml")
    spec = read_model_spec(document, Project(root=ROOT))
    start, before = time.perf_counter(), _children_s()
    plan = read_plan(captured(spec))
    families: dict[str, int] = {}
    for region in plan.regions:
        families[region.family] = families.get(region.family, 0) + 1
    return {
        "model": name,
        "wall_s": round(time.perf_counter() - start, 2),
        "cpu_s": round(_children_s() - before, 2),
        "regions": len(plan.regions),
        "calls": len(plan.calls),
        "parameters": plan.parameters,
        "families": families,
    }


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    raise SystemExit(main())
