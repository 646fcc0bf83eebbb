"""Every promise of `docs/security.md` that can be measured, one row each, in one command.

    python -m bench.trust [--full] [--only NAME ...] [--json PATH]

Each campaign prints its own table; the rows come last, in the order of the page: what was asked,
what was found, and `ok`, `short` (of its aim) or `not run` with the reason. What did not run is
never `ok`, and the command ends with 1 unless every row is. Without `--full` the long campaigns
run in a short, seeded form. Containers are struck and escaped from where DOCKER_HOST names an
engine: `scripts/engine start DIR` prints what to set it to.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any
from typing import NamedTuple

from bench import trust_rows
from bench.trust_rows import Row

ROOT = Path(__file__).parents[1]

#: The parts of `bench.injection` that take a minute together.
INJECTED = ("data", "fencing", "planted", "asked", "detection")
#: Points that no campaign but tests answer, each a fixture and its refusal.
TESTED = {
    "blinding": (
        "tests/plugin/test_gate_blinding.py",
        "tests/unit/gates/test_security_blinding.py",
        "tests/unit/gates/test_policy_text.py",
    ),
    "cheating": (
        "tests/unit/sandbox/test_sandbox_measure.py",
        "tests/unit/sandbox/test_sandbox_kept.py",
        "tests/unit/gates/test_memorised_rows.py",
        "tests/unit/gates/test_execution_calls.py",
    ),
    "integrity": (
        "tests/unit/runtime/test_loader_integrity.py",
        "tests/unit/runtime/test_loader_access.py",
        "tests/unit/runtime/test_loader_trust.py",
        "tests/unit/runtime/test_signature.py",
        "tests/unit/core/test_lock_verify.py",
        "tests/plugin/test_planted_files.py",
        "tests/plugin/test_signature.py",
        "tests/plugin/test_hooks.py",
    ),
    "pages": (
        "tests/unit/gates/test_proof_corpus.py",
        "tests/unit/gates/test_policy_assets.py",
        "tests/docs/test_docs_security.py",
    ),
}


class Campaign(NamedTuple):
    """A module of `bench/`, its arguments in the two forms, and how its figures become rows."""

    module: str
    rows: Callable[[Any], Iterable[Row]]
    short: tuple[str, ...] = ()
    full: tuple[str, ...] = ()


CAMPAIGNS = {
    "sandbox": Campaign("sandbox", trust_rows.sandboxes, ("--rounds", "2")),
    "escapes": Campaign("escapes", trust_rows.escapes),
    "security": Campaign("security", trust_rows.security),
    "mutation": Campaign("mutation", trust_rows.mutants, ("--mutants", "6"), ("--mutants", "80")),
    "readers": Campaign(
        "readers", trust_rows.readers, ("--inputs", "20000"), ("--inputs", "2500000")
    ),
    "injection": Campaign(
        "injection", trust_rows.injections, tuple(f"--part={name}" for name in INJECTED)
    ),
    "faults": Campaign("faults", trust_rows.faults, ("--runs", "12"), ("--runs", "1000")),
    "planted": Campaign(
        "faults",
        trust_rows.breaks,
        ("--planted", "--runs", "16"),
        ("--planted", "--runs", "40"),
    ),
}
#: In the order of the page.
ORDER = (
    "sandbox", "escapes", "security", "pages", "blinding", "cheating", "mutation", "integrity",
    "readers", "injection", "faults", "planted",
)  # fmt: skip


def main() -> int:
    """Run every campaign, print the table; return 1 unless every row is ok."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="the long form of each campaign")
    parser.add_argument("--only", action="append", choices=ORDER, default=[], metavar="NAME")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found: list[tuple[str, Row, float]] = []
    for name in options.only or ORDER:
        rows, seconds = measured(name, full=options.full)
        found += [(name, row, seconds) for row in rows]
        _show(found[-len(rows) :])  # a run that is stopped has said what it knew
    print()
    _show(found)
    ends = [row.ends for _, row, _ in found]
    print(f"{len(ends)} rows: " + ", ".join(f"{ends.count(e)} {e}" for e in trust_rows.ENDS))
    if options.json:
        rows = [asdict(row) | {"campaign": name, "seconds": took} for name, row, took in found]
        options.json.write_text(f"{json.dumps(rows, indent=2)}\n", encoding="utf-8")
    return int(set(ends) != {"ok"})


def _show(found: Iterable[tuple[str, Row, float]]) -> None:
    print(f"{'campaign':10} {'asks':34} {'ends':8} found")
    for name, row, _ in found:
        print(f"{name:10} {row.asks:34} {row.ends:8} {row.found}", flush=True)


def measured(name: str, *, full: bool) -> tuple[list[Row], float]:
    """Run one campaign in a process of its own; return its rows and the seconds it took.

    A campaign that wrote no figures, or figures that say nothing, is a row that falls short.
    """
    print(f"\n== {name}", flush=True)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "found"
        code = subprocess.run(_command(name, path, full=full), cwd=ROOT, check=False).returncode
        rows = _rows(name, path, code)
    return rows, round(time.monotonic() - begun, 1)


def _command(name: str, path: Path, *, full: bool) -> list[str]:
    if name in TESTED:
        quiet = ("-q", "-p", "no:cacheprovider", f"--junitxml={path}")
        return [sys.executable, "-m", "pytest", *quiet, *TESTED[name]]
    campaign = CAMPAIGNS[name]
    arguments = campaign.full if full else campaign.short
    return [sys.executable, "-m", f"bench.{campaign.module}", *arguments, "--json", str(path)]


def _rows(name: str, path: Path, code: int) -> list[Row]:
    if not path.is_file():
        return [Row(asks=name, ends="short", found=f"ended with {code} and wrote no figures")]
    if name in TESTED:
        rows = list(trust_rows.tests(path.read_text(encoding="utf-8")))
    else:
        rows = list(CAMPAIGNS[name].rows(json.loads(path.read_text(encoding="utf-8"))))
    if not rows:
        return [Row(asks=name, ends="short", found="measured nothing")]
    if code and all(row.ends == "ok" for row in rows):
        rows.append(Row(asks=name, ends="short", found=f"ended with {code}"))
    return rows


if __name__ == "__main__":
    sys.exit(main())
