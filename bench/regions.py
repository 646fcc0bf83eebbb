"""Every region of full-size models, each variant of its family's kernels judged: k of n.

    python -m bench.regions [--quick] [--model NAME ...] [--region NAME ...] [--dtype NAME ...]
                            [--language triton|cpp ...] [--targets sm_90 ...] [--minutes N]
                            [--code-only] [--json FILE] [--resume FILE]

Models are captured from their configurations, with no weights, and cut into regions once; a region
is judged in each dtype. Triton runs in the interpreter, C++ as built for this processor (float32
alone, for its templates read nothing else). Sizes that take too long are cut to a few tiles and
tails, and the line names the cut. Compiled code is looked at for each target at full size.
`--quick` is one model, bfloat16 and one target; `--code-only` looks at compiled code alone and runs
nothing. After `--minutes` what is left is counted as not asked.

With `--resume FILE` each kernel's line is added to FILE as soon as it is judged, and one that
stands there already is not judged again. A line counts only for the same kernel, contract, dtype
and targets under the same gates: their version, their policy and the versions of what runs them.
A refusal is kept like a pass: inputs are drawn from a secret seed, and asking again is no remedy.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

from bench.capture import MODELS
from bench.capture import ROOT
from bench.capture import SPEC
from bench.kept_lines import Kept
from pytest_compiledai.core.document import read_documents
from pytest_compiledai.core.kind import Project
from pytest_compiledai.kernels import families
from pytest_compiledai.kernels import latency
from pytest_compiledai.kernels import native
from pytest_compiledai.kernels.adapting import contract_of
from pytest_compiledai.kernels.candidate import Candidate
from pytest_compiledai.kernels.capturing import captured
from pytest_compiledai.kernels.compiling import TARGETS
from pytest_compiledai.kernels.compiling import compile_one
from pytest_compiledai.kernels.contract import Contract
from pytest_compiledai.kernels.judge import execution
from pytest_compiledai.kernels.judge import security
from pytest_compiledai.kernels.matching import matched
from pytest_compiledai.kernels.plan import Plan
from pytest_compiledai.kernels.plan import read_plan
from pytest_compiledai.kernels.policy import policy
from pytest_compiledai.kernels.region import Region
from pytest_compiledai.kernels.region import region_from
from pytest_compiledai.kernels.spec import read_model_spec
from pytest_compiledai.kernels.units import GATE_VERSION

DTYPES = ("float32", "float16", "bfloat16")
CAPTURED = "bfloat16"  # the dtype of the one capture of each model
QUICK = "llama-3.2-1b"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One kernel to be judged for one region in one dtype."""

    model: str
    region: str
    dtype: str
    family: str
    contract: Contract | None = None
    candidate: Candidate | None = None  # None: no family says this region

    @property
    def variant(self) -> str:
        """The variant's name and language."""
        if self.candidate is None:
            return "framework"
        return f"{self.candidate.parameters['variant']} ({self.candidate.language})"


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge and print a line a kernel; return 1 where one was refused."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--code-only", action="store_true")
    parser.add_argument("--minutes", type=float, default=0.0)
    parser.add_argument("--context", type=int, default=4096)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--resume", type=Path)
    for name in ("model", "region", "dtype", "language"):
        parser.add_argument(f"--{name}", action="append", default=[])
    parser.add_argument("--targets", nargs="*", default=None)
    told = parser.parse_args(arguments)
    models = told.model or (
        [QUICK] if told.quick else sorted(p.stem for p in MODELS.glob("*.json"))
    )
    dtypes = told.dtype or ([CAPTURED] if told.quick else list(DTYPES))
    targets = told.targets if told.targets is not None else (["sm_90"] if told.quick else TARGETS)
    questions = [
        asked
        for model in models
        for asked in asked_of(model, captured_plan(model, told.context), dtypes)
        if not told.region or asked.region in told.region
        if not told.language or (asked.candidate and asked.candidate.language in told.language)
    ]
    kept = Kept(told.resume)
    rows = list(judged(questions, targets, told.minutes, kept, runs=not told.code_only))
    print(summary(rows))
    if told.json:
        told.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    return int(any(row["refused"] for row in rows))


def captured_plan(name: str, context: int) -> Plan:
    """Return the plan of one of `fixtures/models`."""
    text = SPEC.format(name=name, context=context).encode()
    (document,) = read_documents(text, "bench.yaml")
    return read_plan(captured(read_model_spec(document, Project(root=ROOT))))


def retyped(region: Region, dtype: str) -> Region:
    """Return a region of the capture's dtype in another; a cast to the same dtype stays, idle."""
    return region_from(json.loads(json.dumps(region.as_json()).replace(CAPTURED, dtype)))


def asked_of(model: str, plan: Plan, dtypes: Sequence[str]) -> Iterator[Asked]:
    """Yield the middle candidate of each variant that speaks a dtype, for each region."""
    for each in plan.regions:
        for dtype in dtypes:
            region = retyped(each, dtype)
            match = matched(region)
            place = {"model": model, "region": region.name, "dtype": dtype}
            if match is None:
                yield Asked(**place, family="")
                continue
            contract = contract_of(region, dtype, context=plan_context(plan), match=match)
            found = Asked(**place, family=match.family)
            kernels = list(_variants(match.family, contract, dtype))
            for candidate in kernels:
                yield replace(found, contract=contract, candidate=candidate)
            if not kernels:
                yield found


def plan_context(plan: Plan) -> int:
    """Return the positions of a plan's caches; 1 where it has none."""
    states = [v.shape[2] for region in plan.regions for v in region.inputs if v.role == "state"]
    return max(states, default=1)


def judged(
    questions: Sequence[Asked],
    targets: Sequence[str],
    minutes: float,
    kept: Kept,
    *,
    runs: bool = True,
) -> Iterator[dict[str, Any]]:
    """Yield what the gates say of each, printed as it comes, or what is kept of it."""
    begun = time.monotonic()
    for asked in questions:
        key = key_of(asked, targets, runs=runs)
        row = kept.get(key)
        late = minutes and time.monotonic() - begun > 60 * minutes
        if row is None and late:
            row = {"asked": False, "refused": ""} | _place(asked)
        elif row is None:
            row = _judged(asked, targets, runs=runs) | _place(asked)
            kept.add(key, row)
        if row["asked"]:
            print(line(row), flush=True)
        yield row


def key_of(asked: Asked, targets: Sequence[str], *, runs: bool) -> str:
    """Return the digest of everything that a line rests on but the secret seed."""
    gates = [GATE_VERSION, sorted(policy().items()), native.MARCH, native.FLAGS]
    tools = [metadata.version(name) for name in ("torch", "triton", "numpy")]
    source = asked.candidate.source if asked.candidate else ""
    compiled = list(targets) if asked.candidate and asked.candidate.language == "triton" else []
    told = (_place(asked), asked.contract, source, compiled, runs, gates, tools)
    return hashlib.sha256(repr(told).encode()).hexdigest()


def _place(asked: Asked) -> dict[str, Any]:
    place = {"model": asked.model, "region": asked.region, "dtype": asked.dtype}
    return place | {"family": asked.family, "variant": asked.variant}


def line(row: dict[str, Any]) -> str:
    """Return one kernel's line."""
    place = f"{row['model']:14}{row['region']:18}{row['dtype']:10}{row['variant']:18}"
    if row["refused"]:
        return f"{place}REFUSED {row['refused']}"
    facts = row.get("facts", ())
    registers = _each(facts, "registers")
    if "cases" not in row:
        return (
            f"{place}compiled: registers {registers}, spilled {_each(facts, 'local_bytes')}, "
            f"shared {_each(facts, 'shared_bytes')}, loads of 16 bytes {_each(facts, 'wide_loads')}"
            f" and fewer {_each(facts, 'narrow_loads')}"
        )
    return (
        f"{place}passed {row['cases']:3} cases, error {row['error']:.2g} of own {row['own']:.2g}, "
        f"{row['share']:.0%} of the limit; registers {registers}; cut {row['cut'] or 'nothing'}, "
        f"at full size {row.get('own_sizes') or 'none'}; "
        f"{row['seconds']:.0f} s"
    )


def _each(facts: Sequence[dict[str, Any]], name: str) -> str:
    """Return one figure of every launch on every target, target by target."""
    return "/".join(str(fact[name]) for fact in facts) or "-"


def summary(rows: Sequence[dict[str, Any]]) -> str:
    """Return k of n by region, model and dtype."""
    lines = ["", f"{'region':20}{'model':16}{'dtype':10}{'passed':>10}"]
    places = dict.fromkeys((row["region"], row["model"], row["dtype"]) for row in rows)
    for place in places:
        here = [r for r in rows if (r["region"], r["model"], r["dtype"]) == place]
        passed = sum(row["asked"] and not row["refused"] for row in here)
        lines.append(f"{place[0]:20}{place[1]:16}{place[2]:10}{passed:>4} of {len(here)}")
    done = [row for row in rows if row["asked"]]
    passed = sum(not row["refused"] for row in done)
    lines.append(f"{passed} of {len(done)} asked passed; {len(rows) - len(done)} not asked")
    return "\n".join(lines)


def _variants(family: str, contract: Contract, dtype: str) -> Iterator[Candidate]:
    loaded = families.family(family)
    for language in ("triton", "cpp") if dtype == "float32" else ("triton",):
        by: dict[str, list[Candidate]] = {}
        for candidate in loaded.candidates(contract, language=language):  # type: ignore[arg-type]
            by.setdefault(candidate.parameters["variant"], []).append(candidate)
        yield from (found[len(found) // 2] for found in by.values())


def _judged(asked: Asked, targets: Sequence[str], *, runs: bool) -> dict[str, Any]:
    contract, candidate = asked.contract, asked.candidate
    if contract is None or candidate is None:
        why = "no parameters are legal here" if asked.family else "no family says this region"
        return {"asked": True, "refused": why}
    begun = time.perf_counter()
    row: dict[str, Any] = {"asked": True, "refused": ""}
    verdicts = [security(contract, candidate.source, candidate.language)[1]]
    if candidate.language == "triton" and targets:
        built = compile_one(contract, candidate, dtype=asked.dtype, targets=targets)
        row["facts"] = [fact.as_json() for fact in built.facts]
        if built.findings:
            return row | {"refused": built.findings[0].message}
        verdicts.append(latency.judge(contract, candidate, built.facts, targets, asked.dtype))
        row["modelled"] = verdicts[-1].plain_figures()
    if not runs:
        return row | {"refused": next((f.message for v in verdicts for f in v.findings), "")}
    ran, right = execution(contract, candidate, dtypes=(asked.dtype,))
    findings = [f for verdict in (*verdicts, ran, right) for f in verdict.findings]
    figures = right.figures
    return row | {
        "refused": findings[0].message if findings else "",
        "cases": figures["cases"],
        "error": figures.get(f"{asked.dtype}.error", 0.0),
        "own": figures.get(f"{asked.dtype}.own_error", 0.0),
        "share": figures.get(f"{asked.dtype}.share_of_limit", 0.0),
        "cut": figures.get("cut", ""),
        "own_sizes": figures.get("own_sizes", ""),
        "seconds": time.perf_counter() - begun,
    }


if __name__ == "__main__":
    raise SystemExit(main())
