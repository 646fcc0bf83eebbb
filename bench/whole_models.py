"""A sentence embedder by each back end, at several shapes: ``python -m bench.whole_models``.

    python -m bench.whole_models [--shape BATCHxLENGTH ...] [--json FILE]

The model is the one of `examples/model/embedder.yaml`, in one thread; back ends take turns in one
process, and the ratio is eager's time over theirs, the median of fifteen rounds with its interval.
The aim is twice eager's speed at batch 1 and up to 64 tokens, with a cosine of at least 0.9999.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pytest_compiledai.core.document import read_documents
from pytest_compiledai.core.kind import Project
from pytest_compiledai.kernels.whole.spec import WholeSpec
from pytest_compiledai.kernels.whole.spec import read_units
from pytest_compiledai.kernels.whole.tensor import Axes
from pytest_compiledai.kernels.whole.working import work

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "model" / "embedder.yaml"
SHAPES = ("1x8", "1x16", "1x64", "4x64", "8x128")
LIMIT_S = 1800


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print a line a shape and back end; the figures also as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--shape", action="append", default=[], metavar="BATCHxLENGTH")
    parser.add_argument("--frameworks", default="eager,onnxruntime,openvino")
    parser.add_argument("--json", type=Path)
    told = parser.parse_args(arguments)
    spec = embedder()
    rows = []
    print(f"{'shape':8}{'back end':14}{'p50 ms':>9}{'x eager':>9}{'low':>7}{'high':>7}  cosine")
    for shape in told.shape or SHAPES:
        found = measured(spec, shape, told.frameworks.split(","))
        rows.append({"shape": shape, "back_ends": found})
        for name, figures in found.items():
            print(_line(shape, name, figures), flush=True)
    if told.json:
        told.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    return 0


def embedder() -> WholeSpec:
    """Return the example's spec, with axes wide enough for every shape."""
    path = EXAMPLE.relative_to(ROOT).as_posix()
    (document,) = read_documents(EXAMPLE.read_bytes(), path)
    (unit,) = read_units(document, Project(root=ROOT))
    spec: WholeSpec = unit.body
    return replace(spec, axes=Axes(sizes={"batch": (1, 16), "length": (2, 256)}))


def measured(spec: WholeSpec, shape: str, names: Sequence[str]) -> dict[str, Any]:
    """Return each back end's figures at one shape."""
    batch, length = map(int, shape.split("x"))
    rng = random.Random(shape)
    ids = [[rng.randrange(1000, 30_000) for _ in range(length)] for _ in range(batch)]
    row = {"inputs": {"input_ids": ids, "attention_mask": [[1] * length] * batch}}
    found: dict[str, Any] = work(
        spec, "search", timeout_s=LIMIT_S, frameworks=list(names), rows=[row]
    )
    return found


def _line(shape: str, name: str, figures: dict[str, Any]) -> str:
    if "refused" in figures:
        return f"{shape:8}{name:14}  refused: {figures['refused'][:80]}"
    low, middle, high = figures["ratio"]
    return (
        f"{shape:8}{name:14}{figures['p50_ms']:9.3f}{middle:9.2f}{low:7.2f}{high:7.2f}"
        f"  {figures['cosine']:.7f}"
    )


if __name__ == "__main__":
    raise SystemExit(main())
