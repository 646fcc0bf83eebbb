"""How much of known bad code the security gate refuses, and how much of known good code.

    python bench/security.py --data SETS [--data MORE]

``SETS`` is a folder below which files named ``samples.jsonl`` lie, one object a line with ``id``,
``label`` (``vulnerable`` or ``clean``) and ``code``. Files that do not parse are left out and
counted. The code is read and parsed, never executed. The column ``granted`` grants every module of
the standard library that a file imports: it shows what is left behind a generous grant.
"""

from __future__ import annotations

import argparse
import ast
import json
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_compiledai.core.source import Source
from pytest_compiledai.gates import security
from pytest_compiledai.gates.policy.rulebook import policy
from pytest_compiledai.gates.tools import ScanRequest
from pytest_compiledai.gates.tools import ToolReport
from pytest_compiledai.gates.tools import scan

COLUMNS = ("policy", "bandit", "ruff", "semgrep", "tools", "all", "granted")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One file of a set."""

    label: str
    source: Source
    imports: frozenset[str]


def read(path: Path) -> tuple[list[Row], int]:
    """Return the files of a set that parse, and how many do not."""
    rows, left_out = [], 0
    for line in path.read_text(encoding="utf-8").splitlines():
        data = json.loads(line)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(data["code"])
        except (SyntaxError, ValueError):
            left_out += 1
            continue
        source = Source(data=data["code"].encode("utf-8", "replace"), path=data["id"])
        rows.append(Row(label=data["label"], source=source, imports=frozenset(imported(tree))))
    return rows, left_out


def imported(tree: ast.AST) -> Iterator[str]:
    """Yield the modules that a file imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def flags(row: Row, scans: dict[str, ToolReport]) -> frozenset[str]:
    """Return which of the columns refuse a file."""
    none: frozenset[str] = frozenset()
    verdict = security.judge(row.source, capabilities=none, scans=scans)
    rules = {item.rule.removeprefix("security.") for item in verdict.findings}
    tools = rules & {"bandit", "ruff", "semgrep"}
    found = set(tools)
    found |= {"tools"} if tools else none
    found |= {"policy"} if security.inspect(row.source, capabilities=none) else none
    found |= {"all"} if rules else none
    grant = frozenset(f"module:{name}" for name in row.imports)
    granted = security.judge(row.source, capabilities=grant, scans=scans)
    found |= {"granted"} if granted.findings else none
    return frozenset(found)


def measure(path: Path) -> None:
    """Print one line for each label of a set."""
    rows, left_out = read(path)
    start = time.perf_counter()
    for row in rows:
        security.inspect(row.source, capabilities=frozenset())
    each_ms = (time.perf_counter() - start) / max(len(rows), 1) * 1000
    which = frozenset(security.TOOLS)
    scans = scan([ScanRequest(source=row.source) for row in rows], which=which)
    for label in sorted({row.label for row in rows}):
        chosen = [flags(row, scans) for row in rows if row.label == label]
        shares = [sum(name in found for found in chosen) / len(chosen) for name in COLUMNS]
        cells = " ".join(f"{share:8.1%}" for share in shares)
        print(f"{path.parent.name:18} {label:11} {len(chosen):5} {cells}  {each_ms:.2f} ms/file")
    if left_out:
        print(f"{path.parent.name:18} left out: {left_out} that do not parse")


def main() -> int:
    """Measure every set below the folders that are named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", action="append", type=Path, default=[], metavar="SETS")
    wanted = parser.parse_args()
    paths = sorted(path for folder in wanted.data for path in folder.rglob("samples.jsonl"))
    if not paths:
        print("no samples.jsonl found; expected --data with a folder of sets", file=sys.stderr)
        return 2
    print(f"policy version {policy().version}; share of files refused")
    print(f"{'set':18} {'label':11} {'files':>5} " + " ".join(f"{name:>8}" for name in COLUMNS))
    for path in paths:
        measure(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
