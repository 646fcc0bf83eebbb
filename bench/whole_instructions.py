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
import tempfile
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
    parser.add_argument("--form", type=Path, help=argparse.SUPPRESS)
    told = parser.parse_args(arguments)
    names = told.back_end or ["eager", "onnxruntime", "openvino"]
    if told.form:
        _called(names[0], told.shape[0], told.form)
        return 0
    rows = []
    print(f"{'shape':8}{'back end':14}{'instructions a call':>22}{'of eager':>10}")
    with tempfile.TemporaryDirectory() as folder:
        forms = {name: _exported(name, Path(folder, name)) for name in names}
        for shape in told.shape or ["1x16", "1x64"]:
            found: dict[str, float] = {}
            for name, form in forms.items():
                found[name] = counted(name, shape, form)
                share = f"{found[name] / found['eager']:10.2f}" if "eager" in found else ""
                print(f"{shape:8}{name:14}{found[name]:22,.0f}{share}", flush=True)
            rows.append({"shape": shape, "instructions": found})
    if told.json:
        told.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    return 0


def _exported(name: str, path: Path) -> Path:
    """Write the model in a back end's form: outside of valgrind, where that takes seconds."""
    original: Any = Original(_model(embedder()))
    path.write_bytes(backend(name).export(original.module, original.example(), original.axes()))
    return path


def counted(name: str, shape: str, form: Path) -> float:
    """Return the instructions of one call. Raises ``RuntimeError`` where none were counted."""
    argv = [*_VALGRIND, sys.executable, "-m", "bench.whole_instructions"]
    argv += ["--form", str(form), "--back-end", name, "--shape", shape]
    ran = subprocess.run(argv, capture_output=True, text=True, check=False)
    # A process that a back end forks to look at the machine tells its own count, of nothing.
    count = max(map(int, _COLLECTED.findall(ran.stderr)), default=0)
    if ran.returncode or not count:
        raise RuntimeError(f"{name}: {ran.stderr[-400:]}")
    return count / CALLS


def _called(name: str, shape: str, form: Path) -> None:
    """Do some calls, counted, after one that is not."""
    import numpy as np

    module = None
    if name == "eager":  # the others read their own form, and load no torch
        import torch

        torch.set_num_threads(1)
        module = Original(_model(embedder())).module
    run = backend(name).load(module, form.read_bytes())
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
