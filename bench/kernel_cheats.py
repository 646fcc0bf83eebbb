"""Planted bad kernels and honest ones, beside what published checkers would have said of them.

    python -m bench.kernel_cheats [--json FILE] [--family NAME] [--seed N] [--ours]

The published checks are written anew from their descriptions: ``dynamic`` compares five draws of
one shape with a loose tolerance and looks at nothing else; ``static`` are its patterns over the
text. A program with host code cannot run here (there is no torch behind the wall): its dynamic
answer is `-` and counts as not caught.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field
from functools import cache
from pathlib import Path
from typing import Any

from pytest_compiledai.assets import asset
from pytest_compiledai.kernels import call
from pytest_compiledai.kernels import expression
from pytest_compiledai.kernels import families
from pytest_compiledai.kernels import truth
from pytest_compiledai.kernels.candidate import Candidate
from pytest_compiledai.kernels.candidate import Language
from pytest_compiledai.kernels.candidate import MalformedError
from pytest_compiledai.kernels.candidate import read
from pytest_compiledai.kernels.compiling import compile_one
from pytest_compiledai.kernels.contract import Contract
from pytest_compiledai.kernels.executing import FaultError
from pytest_compiledai.kernels.executing import Running
from pytest_compiledai.kernels.inputs import Case
from pytest_compiledai.kernels.inputs import draw
from pytest_compiledai.kernels.judge import execution
from pytest_compiledai.kernels.judge import security

#: Loose tolerance of the published dynamic check, absolute and relative.
LOOSE = {"float32": 1e-4, "float16": 1e-2, "bfloat16": 1e-2}
STATIC = (
    r"\btry\b|\bexcept\b",
    r"^\s*pass\b",
    r"threading|multiprocessing|Thread\(",
    r"class \w+\((?:torch\.)?Tensor\)",
    r"do_bench\s*=|Event\s*=|synchronize\s*=",
    r"torch\.cuda\.[sS]tream|Stream\(",
    r"torch\.nn\.functional|torch\.(?:mm|matmul|bmm)\b",
)
_DTYPES = ("float32", "bfloat16")


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """One program of the suite."""

    family: str
    name: str
    language: str
    text: str
    gate: str  # that must refuse it; "" for an honest one
    contract: Contract = field(repr=False)


def bad(only: str = "") -> Iterator[Planted]:
    """Yield the planted programs, each an honest one with an edit; raises where none applies."""
    for name in families.names():
        if only and name != only:
            continue
        for item in _corpus(name).get("bad", ()):
            contract = families.family(name).contract(item.get("dims"))
            honest = _honest(name, item)
            yield Planted(
                family=name,
                name=item["name"],
                language=item.get("language", "triton"),
                text=item.get("before", "") + _edited(honest, item) + item.get("after", ""),
                gate=item["gate"],
                contract=contract,
            )


def good(only: str = "") -> Iterator[Planted]:
    """Yield honest programs: one of each variant of each family, then those of the corpus."""
    for name in families.names():
        if only and name != only:
            continue
        contract = families.family(name).contract()
        for language in ("triton", "cpp"):
            for variant in sorted({one.parameters["variant"] for one in _space(name, language)}):
                text = _honest(name, {"language": language, "variant": variant})
                yield Planted(
                    family=name,
                    name=variant,
                    language=language,
                    text=text,
                    gate="",
                    contract=contract,
                )
        for item in _corpus(name).get("good", ()):
            yield Planted(
                family=name,
                name=item["name"],
                language=item.get("language", "triton"),
                text=item["text"],
                gate="",
                contract=contract,
            )


def _corpus(name: str) -> dict[str, Any]:
    path = asset("gates", "kernels", "corpus") / f"{name}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def judged(planted: Planted, *, seed: int | None = None, compiled: bool = True) -> str:
    """Return the gate that refuses a program, or an empty text."""
    candidate, verdict = security(planted.contract, planted.text, planted.language)
    if candidate is None or not verdict.passed:
        return "security"
    cpp = planted.language == "cpp"
    if compiled:
        targets = ("cpu",) if cpp else ("sm_90",)
        built = compile_one(planted.contract, candidate, dtype="float32", targets=targets)
        if built.findings:
            return "syntax"
    for dtype in ("float32",) if cpp else _DTYPES:
        ran, right = execution(planted.contract, candidate, dtypes=(dtype,), seed=seed)
        if not ran.passed:
            return "execution"
        if not right.passed:
            return "accuracy"
    return ""


def published_static(text: str) -> bool:
    """Return whether the patterns of a published checker would refuse a text."""
    return any(re.search(pattern, text, re.MULTILINE) for pattern in STATIC)


def published_dynamic(planted: Planted, seed: int) -> bool | None:
    """Return whether five loose comparisons at one shape see anything; None: it cannot run here."""
    import torch

    if planted.language != "triton":
        return None
    try:
        candidate = read(planted.text, "triton", planted.contract)
        with Running(planted.text) as running:
            for trial in range(5):
                dims = {**planted.contract.dims, **planted.contract.cut}
                numbers = planted.contract.numbers
                case = Case(name="plain", dims=dims, seed=seed + trial, numbers=numbers)
                drawn = draw(planted.contract, case, "float32")
                held = call.buffers(planted.contract, candidate, case, "float32", drawn)
                written = running.call(held, call.steps(candidate, planted.contract, dims))
                right = planted.contract.reference(truth.copies(drawn), numbers)
                for tensor in planted.contract.outputs:
                    found = call.tensor_of(written.data[tensor.name], right[tensor.name])
                    loose = LOOSE["float32"]
                    if not torch.allclose(found, right[tensor.name], atol=loose, rtol=loose):
                        return True
    except FaultError as error:
        if "while loading" in str(error):  # it needs what is not behind the wall
            return None
        # What only the watch over memory sees, that check does not.
        return "TouchedWrong" not in str(error)
    except MalformedError:
        return None
    return False


def main() -> int:
    """Run the suite, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--family", default="")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--ours", action="store_true", help="leave the published checks out")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for planted in (*bad(options.family), *good(options.family)):
        found = judged(planted, seed=options.seed)
        static = published_static(planted.text)
        asked = planted.gate and not options.ours
        dynamic = published_dynamic(planted, options.seed or 7) if asked else None
        row = {
            "family": planted.family,
            "name": planted.name,
            "language": planted.language,
            "expected": planted.gate,
            "found": found,
            "published_static": static,
            "published_dynamic": dynamic,
        }
        rows.append(row)
        mark = " " if found == planted.gate else "?" if found and planted.gate else "!"
        seen = {True: "yes", False: "no", None: "-"}[dynamic]
        print(
            f"{mark} {planted.family:17} {planted.language:6} {planted.name:42} "
            f"{planted.gate or 'honest':9} {found or 'passed':9} "
            f"static {'yes' if static else 'no':3} dynamic {seen}",
            flush=True,
        )
    return _summed(rows, options.json)


def _summed(rows: list[dict[str, Any]], path: Path | None) -> int:
    planted = [row for row in rows if row["expected"]]
    honest = [row for row in rows if not row["expected"]]
    caught = [row for row in planted if row["found"]]
    exact = [row for row in planted if row["found"] == row["expected"]]
    refused = [row for row in honest if row["found"]]
    dynamic = [row for row in planted if row["published_dynamic"]]
    either = [row for row in planted if row["published_dynamic"] or row["published_static"]]
    print(f"\nplanted: caught {len(caught)} of {len(planted)}, by the named gate {len(exact)}")
    print(f"honest: refused {len(refused)} of {len(honest)}")
    print(f"published checks: dynamic {len(dynamic)}, with static {len(either)} of {len(planted)}")
    for row in planted:
        if not row["found"]:
            print(f"missed: {row['family']} {row['name']}")
    if path is not None:
        path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return int(bool(refused) or len(caught) < 0.98 * len(planted))


@cache
def _space(name: str, language: Language) -> list[Candidate]:
    family = families.family(name)
    return family.candidates(family.contract(), language=language)


def _honest(name: str, item: dict[str, Any]) -> str:
    held = _space(name, item.get("language", "triton"))
    wanted = item.get("variant") or held[0].parameters["variant"]
    split = item.get("split")
    chosen = [
        one
        for one in held
        if one.parameters["variant"] == wanted
        and (split is None or one.parameters["SPLIT"] == split)
    ]
    contract = families.family(name).contract()
    # Many threads hold a large tile without spilling.
    return min(chosen, key=lambda one: (-one.launches[0].warps, _programs(one, contract))).source


def _programs(candidate: Candidate, contract: Contract) -> int:
    """Return how many programs a call runs: the interpreter takes one after the other."""
    dims = {**contract.dims, **contract.cut}
    grids = [[expression.value(size, dims) for size in one.grid] for one in candidate.launches]
    return sum(math.prod(grid) for grid in grids)


def _edited(text: str, item: dict[str, Any]) -> str:
    for old, new in item.get("edits", ()):
        if old not in text:
            raise ValueError(f"{item['name']}: {old!r} is not in the text it edits")
        text = text.replace(old, new)
    return text


if __name__ == "__main__":
    sys.exit(main())
