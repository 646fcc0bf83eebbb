"""Compile and inspect every candidate of one family for a target: ``python -m bench.sweep``.

    python -m bench.sweep [--family norm_gate_up] [--target sm_90] [--dtype bfloat16] [--json FILE]

One process compiles them all at the family's full sizes; registers, spills, shared memory and loads
are read from the machine code. The aim is 45 s for 36 candidates of one family.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.capture import _children_s
from pytest_compiledai.kernels import families
from pytest_compiledai.kernels.compiling import compile_all


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a line a candidate, and how long all of them took; the figures also as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--family", default="norm_gate_up")
    parser.add_argument("--target", default="sm_90")
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--most", type=int, default=0, help="candidates; 0 for the whole space")
    parser.add_argument("--json", type=Path)
    told = parser.parse_args(arguments)
    found = swept(told.family, told.target, told.dtype, told.most)
    for row in found["candidates"]:
        said = row["refused"] or "; ".join(map(_line, row["facts"]))
        print(f"{row['parameters']:44}{said}")
    refused = sum(bool(row["refused"]) for row in found["candidates"])
    print(
        f"{len(found['candidates'])} candidates compiled and inspected in {found['wall_s']:.1f} s, "
        f"{found['cpu_s']:.1f} s of the processor; {refused} over their budget"
    )
    if told.json:
        told.json.write_text(json.dumps(found, indent=1), encoding="utf-8")
    return 0


def swept(name: str, target: str, dtype: str, most: int) -> dict[str, Any]:
    """Return what the machine code of each candidate of a family holds, and the seconds."""
    family = families.family(name)
    contract = family.contract()
    candidates = family.candidates(contract)[: most or None]
    begun, before = time.perf_counter(), _children_s() + time.process_time()
    built = compile_all(contract, candidates, dtype=dtype, targets=[target])
    spent = _children_s() + time.process_time() - before
    rows = [
        {
            "parameters": ",".join(f"{key}={value}" for key, value in one.parameters.items()),
            "facts": [fact.as_json() for fact in code.facts],
            "refused": code.findings[0].message if code.findings else "",
        }
        for one, code in zip(candidates, built, strict=True)
    ]
    return {"candidates": rows, "wall_s": time.perf_counter() - begun, "cpu_s": spent}


def _line(fact: dict[str, Any]) -> str:
    return (
        f"registers {fact['registers']:3}, spilled {fact['local_bytes']}, shared "
        f"{fact['shared_bytes']:5}, loads of 16 bytes {fact['wide_loads']:2} and fewer "
        f"{fact['narrow_loads']}"
    )


if __name__ == "__main__":
    raise SystemExit(main())
