"""A sentence embedder by each back end, at several shapes: ``python -m bench.whole_models``.

    python -m bench.whole_models [--shape BATCHxLENGTH ...] [--json FILE]

The model is the one of `examples/model/embedder.yaml`, in one thread; back ends take turns in one
process, and the ratio is eager's time over theirs, the median of fifteen rounds with its interval.
The aim is twice eager's speed at batch 1 and up to 64 tokens, with a cosine of at least 0.9999.
Above each shape stands how long the model's products alone take at the highest speed at which this
thread multiplies float32 matrices: no back end in full precision is faster than that. The shape
`mixed` is the example's own sentences, each of another length than the one before.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pytest_compiledai.core.document import read_documents
from pytest_compiledai.core.kind import Project
from pytest_compiledai.kernels.whole.original import Original
from pytest_compiledai.kernels.whole.spec import WholeSpec
from pytest_compiledai.kernels.whole.spec import read_units
from pytest_compiledai.kernels.whole.tensor import Axes
from pytest_compiledai.kernels.whole.working import _model
from pytest_compiledai.kernels.whole.working import rows_of
from pytest_compiledai.kernels.whole.working import work

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "model" / "embedder.yaml"
MIXED = "mixed"
SHAPES = ("1x8", "1x16", "1x32", "1x64", "4x64", "8x128", MIXED)
LIMIT_S = 1800


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print a line a shape and back end; the figures also as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--shape", action="append", default=[], metavar="BATCHxLENGTH")
    parser.add_argument("--frameworks", default="eager,onnxruntime,openvino,openvino_bf16")
    parser.add_argument("--json", type=Path)
    told = parser.parse_args(arguments)
    spec = embedder()
    rows = []
    print(f"{'shape':8}{'back end':14}{'p50 ms':>9}{'x eager':>9}{'low':>7}{'high':>7}  cosine")
    for shape in told.shape or SHAPES:
        found = measured(spec, shape, told.frameworks.split(","))
        least = None if shape == MIXED else products(spec, shape)
        rows.append({"shape": shape, "back_ends": found, "products": least})
        if least is not None:
            print(_bound(shape, least, found["eager"]["p50_ms"]), flush=True)
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
    found: dict[str, Any] = work(
        spec, "search", timeout_s=LIMIT_S, frameworks=list(names), rows=_rows(spec, shape)
    )
    return found


def _rows(spec: WholeSpec, shape: str) -> list[Any]:
    if shape == MIXED:
        return rows_of(spec.rows)
    batch, length = map(int, shape.split("x"))
    rng = random.Random(shape)
    ids = [[rng.randrange(1000, 30_000) for _ in range(length)] for _ in range(batch)]
    return [{"inputs": {"input_ids": ids, "attention_mask": [[1] * length] * batch}}]


def products(spec: WholeSpec, shape: str) -> dict[str, float]:
    """Return the gigaflops of the products of a call, and the milliseconds at the highest speed.

    Attention's own products are left out, so the bound is below the truth. The speed is the best of
    nine products of 1024 x 1024 matrices by the processor's time, which a busy machine leaves as it
    is.
    """
    import torch
    from torch import nn

    batch, length = map(int, shape.split("x"))
    module = Original(_model(spec)).module
    weights = sum(one.weight.numel() for one in module.modules() if isinstance(one, nn.Linear))
    torch.set_num_threads(1)
    square = torch.randn(1024, 1024)
    square @ square
    spent = []
    for _ in range(9):
        begun = time.process_time()
        square @ square
        spent.append(time.process_time() - begun)
    speed = 2 * 1024**3 / min(spent)
    flops = 2.0 * batch * length * weights
    return {"gflops": flops / 1e9, "speed": speed / 1e9, "ms": flops / speed * 1e3}


def _bound(shape: str, least: dict[str, float], eager_ms: float) -> str:
    return (
        f"{shape:8}products alone: {least['gflops']:.2f} GFLOP at {least['speed']:.0f} GFLOP/s are "
        f"{least['ms']:.2f} ms; half of eager's time is {eager_ms / 2:.2f} ms"
    )


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
