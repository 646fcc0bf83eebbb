"""Which gate kills which mistake: mutants of the examples' artifacts, through the real gates.

    python -m bench.mutation [--units N] [--mutants N] [--jobs 2] [--json PATH]

The examples are compiled from their recordings; of each artifact at most ``--mutants`` versions
with one small mistake go through all gates in order. For a survivor 1,000 generated and edited
inputs and the golden rows are searched for one on which it differs: `weak` spots have one,
`alike` have none that was found. The score is the share killed of those not known to be alike,
with its 95 % Wilson interval; `dynamic` leaves out what the static gates killed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pytest_compiledai.core.gate import GATES
from pytest_compiledai.core.interval import wilson
from pytest_compiledai.rejudged import rejudged
from pytest_compiledai.weakspots import weak_spots

ROOT = Path(__file__).parents[1]
STATIC = ("security", "syntax")


def project(root: Path, names: list[str]) -> None:
    """Write a project of some examples and compile it from its recordings."""
    shutil.copytree(ROOT / "fixtures", root / "fixtures")
    shutil.copytree(ROOT / "examples" / "function", root / "examples" / "function")
    (root / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    specs = [f"examples/function/{name}.yaml" for name in names]
    subprocess.run(
        [sys.executable, "-m", "pytest", "--compile", "-q", "-p", "no:cacheprovider", *specs],
        cwd=root,
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=600,
    )


def examples() -> list[str]:
    """Return the names of the examples."""
    return sorted(path.stem for path in (ROOT / "examples" / "function").glob("*.yaml"))


def tried(root: Path, name: str, most: int) -> list[dict[str, Any]]:
    """Return what became of the mutants of one unit, as JSON values."""

    def work(run: Any, result: Any) -> list[dict[str, Any]]:
        files = {path: run.store.get_bytes(address) for path, address in result.files.items()}
        unit = run.selected[name]
        found = weak_spots(run, unit, files, most=most, say=lambda _: None)
        return [
            {
                "unit": name,
                "kind": item.mutant.kind,
                "mutant": str(item.mutant),
                "killed_by": item.killed_by,
                "rule": item.rule,
                "weak": item.difference is not None,
                "golden": item.difference.golden if item.difference else "",
                "abstained": bool(item.difference and item.difference.abstained),
                "input": item.difference.input if item.difference else None,
                "output": item.difference.output if item.difference else None,
                "got": item.difference.got if item.difference else None,
            }
            for item in found
        ]

    return rejudged(root, f"examples/function/{name}.yaml", name, work)


def counts(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the figures of some mutants."""
    killed = Counter(row["killed_by"] for row in rows if row["killed_by"])
    survived = [row for row in rows if not row["killed_by"]]
    weak = sum(row["weak"] for row in survived)
    static = sum(killed[gate] for gate in STATIC)
    return {
        "mutants": len(rows),
        **{gate: killed[gate] for gate in GATES},
        "survived": len(survived),
        "weak": weak,
        "tolerated": sum(bool(row["golden"]) for row in survived),
        "alike": len(survived) - weak,
        "score": _share(sum(killed.values()), sum(killed.values()) + weak),
        "dynamic": _share(sum(killed.values()) - static, sum(killed.values()) - static + weak),
    }


def _share(part: int, whole: int) -> dict[str, float]:
    span = wilson(part, whole)
    return {
        "share": round(part / whole, 4) if whole else 0.0,
        "low": round(span.low, 4),
        "high": round(span.high, 4),
    }


def table(by_name: dict[str, dict[str, Any]], title: str) -> str:
    """Return figures by unit or by kind as text."""
    columns = ("mutants", *GATES, "survived", "weak", "tolerated", "alike")
    lines = [f"{title:20}" + "".join(f"{name:>10}" for name in columns) + "   score, dynamic"]
    for name, found in by_name.items():
        cells = "".join(f"{found[column]:10}" for column in columns)
        shares = ", ".join(
            f"{found[key]['share']:.3f} [{found[key]['low']:.3f}, {found[key]['high']:.3f}]"
            for key in ("score", "dynamic")
        )
        lines.append(f"{name:20}{cells}   {shares}")
    return "\n".join(lines)


def main() -> int:
    """Run the campaign and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--units", type=int, default=8, help="how many of the examples")
    parser.add_argument("--mutants", type=int, default=70, help="most of one example")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--one", nargs=2, metavar=("ROOT", "NAME"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        root, name = options.one
        print(json.dumps(tried(Path(root), name, options.mutants)))
        return 0
    begun = time.monotonic()
    names = examples()[: options.units]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        project(root, names)
        with ThreadPoolExecutor(options.jobs) as pool:
            found = list(pool.map(lambda name: _apart(root, name, options.mutants), names))
    rows = [row for part in found for row in part]
    units = {name: counts(part) for name, part in zip(names, found, strict=True)}
    units["all"] = counts(rows)
    kinds = {
        kind: counts([row for row in rows if row["kind"] == kind])
        for kind in sorted({row["kind"] for row in rows})
    }
    print(table(units, "example"))
    print(table(kinds, "kind of mistake"))
    document = {
        "units": units,
        "kinds": kinds,
        "mutants": rows,
        "wall_s": round(time.monotonic() - begun, 1),
    }
    if options.json:
        options.json.write_text(
            json.dumps(document, indent=1, ensure_ascii=False), encoding="utf-8"
        )
    return 0


def _apart(root: Path, name: str, most: int) -> list[dict[str, Any]]:
    """Run one unit in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.mutation", "--one", str(root), name, "--mutants", str(most)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


if __name__ == "__main__":
    sys.exit(main())
