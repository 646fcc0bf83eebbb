"""Instructions of one call of the embedder by each back end, counted by callgrind.

    python -m bench.whole_instructions [--shape BATCHxLENGTH ...] [--back-end NAME ...]
                                       [--json FILE]

Counts do not depend on what else the machine does. A processor that valgrind knows has no vectors
of 64 bytes, so counts are those of code for 32; times are those of `bench.whole_models`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.whole_models import embedder
from pytest_compiledai.kernels.whole.backends import backend
from pytest_compiledai.kernels.whole.original import Original
from pytest_compiledai.kernels.whole.working import _model

CALLS = 3
_COLLECTED = re.compile(r"Collected : (\d+)")
_VALGRIND = ("valgrind", "--tool=callgrind", "--instr-atstart=no", "--callgrind-out-file=/dev/null")


def main(arguments: Sequence[str] | None = None) -> int:
    """Count and print a line a shape and back end; the figures also as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--shape", action="append", default=[], metavar="BATCHxLENGTH")
    parser.add_argument("--back-end", action="append", default=[])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--called", action="store_true", help=argparse.SUPPRESS)
    told = parser.parse_args(arguments)
    names = told.back_end or ["eager", "onnxruntime", "openvino"]
    if told.called:
        _called(names[0], told.shape[0])
        return 0
    rows = []
    print(f"{'shape':8}{'back end':14}{'instructions a call':>22}{'of eager':>10}")
    for shape in told.shape or ["1x16", "1x64"]:
        found = {name: counted(name, shape) for name in names}
        rows.append({"shape": shape, "instructions": found})
        for name, count in found.items():
            share = f"{count / found['eager']:10.2f}" if "eager" in found else ""
            print(f"{shape:8}{name:14}{count:22,.0f}{share}", flush=True)
    if told.json:
        told.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    return 0


def counted(name: str, shape: str) -> float:
    """Return the instructions of one call. Raises ``RuntimeError`` where none were counted."""
    argv = [*_VALGRIND, sys.executable, "-m", "bench.whole_instructions", "--called"]
    ran = subprocess.run(
        [*argv, "--back-end", name, "--shape", shape], capture_output=True, text=True, check=False
    )
    match = _COLLECTED.search(ran.stderr)
    if ran.returncode or match is None or match[1] == "0":
        raise RuntimeError(f"{name}: {ran.stderr[-400:]}")
    return int(match[1]) / CALLS


def _called(name: str, shape: str) -> None:
    """Do some calls, counted, after one that is not."""
    import numpy as np
    import torch

    torch.set_num_threads(1)
    original: Any = Original(_model(embedder()))
    chosen = backend(name)
    run = chosen.load(
        original.module, chosen.export(original.module, original.example(), original.axes())
    )
    batch, length = map(int, shape.split("x"))
    rng = random.Random(shape)
    ids = np.array([[rng.randrange(1000, 30_000) for _ in range(length)] for _ in range(batch)])
    arrays = [ids, np.ones_like(ids)]
    run(arrays)
    _switch("on")
    for _ in range(CALLS):
        run(arrays)
    _switch("off")


def _switch(state: str) -> None:
    subprocess.run(
        ["callgrind_control", "-i", state, str(os.getpid())], check=True, stdout=subprocess.DEVNULL
    )


if __name__ == "__main__":
    raise SystemExit(main())
