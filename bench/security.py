"""How much of known bad code the security gate refuses, and how much of known good code.

    python -m bench.security [--data FOLDER] [--json PATH] [--misses]

Judges the sets below `../shared/data/security` where they are, our own samples and evasions, and
every recorded artifact. Files that do not parse are left out and counted. Nothing is executed.

Columns without a grant: `policy`, `bandit`, `ruff`, `semgrep`, `all`. With a grant, every module
that a file imports counts as granted, the standard library's and others', which no project can ask
for: `granted` is refused by any rule but those about imports and undefined names, `danger` by a
rule about the danger itself, and `policy+` by the policy's own part of those. An undefined name in
a snippet is no catch; files that only that refuses are the difference of `all` and `named`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench import securitysets
from bench.securitysets import Row
from bench.securitysets import Set
from pytest_compiledai.core.interval import wilson
from pytest_compiledai.core.source import Source
from pytest_compiledai.gates import security
from pytest_compiledai.gates.policy.rulebook import policy
from pytest_compiledai.gates.tools import ScanRequest
from pytest_compiledai.gates.tools import ToolReport
from pytest_compiledai.gates.tools import opinions
from pytest_compiledai.gates.tools import scan

DATA = securitysets.ROOT.parent / "shared" / "data" / "security"
COLUMNS = ("policy", "bandit", "ruff", "semgrep", "all", "named", "granted", "danger", "policy+")
TOOLS = frozenset({"bandit", "ruff", "semgrep"})
#: Findings that say nothing about the danger of a file whose imports are granted.
INCIDENTAL = frozenset({"import", "undefined"})
#: Files of clean sets that were read and are rightly refused: the rule that has to be among those
#: that refuse them, and what they do. Any other refusal of a clean file is a wrong one.
CONFIRMED = {
    "HumanEval/160": ("code", "eval() of a text that it puts together from its input"),
    "HumanEval/162": ("crypto", "hashlib.md5, which can be forged"),
}
#: Rules about what the caller's text, a secret or a check does; the others are about purity.
DANGERS = frozenset(
    {"archive", "auth", "backtracking", "bounds", "chance", "character", "code", "compare",
     "crypto", "deserialise", "disclosure", "header", "log", "loop", "markup", "password", "path",
     "pattern", "permissions", "query", "redirect", "secret", "server", "shell", "sql",
     "temporary", "template", "tls", "token", "url", "xml"}
)  # fmt: skip


def flags(row: Row, scans: dict[str, ToolReport]) -> frozenset[str]:
    """Return which of the columns refuse a file."""
    bare = _rules(row.source, scans, row.imports, granted=False)
    open_ = _rules(row.source, scans, row.imports, granted=True)
    found = {tool for tool in TOOLS if tool in bare}
    found |= {"policy"} if bare - TOOLS else set()
    found |= {"all"} if bare else set()
    found |= {"named"} if bare - {"undefined"} else set()
    found |= {"granted"} if open_ - INCIDENTAL else set()
    found |= {"danger"} if open_ & (DANGERS | TOOLS) else set()
    found |= {"policy+"} if open_ & DANGERS else set()
    return frozenset(found)


def _rules(
    source: Source, scans: dict[str, ToolReport], imports: frozenset[str], *, granted: bool
) -> set[str]:
    """Return the rules that refuse a file, without any grant or with all that it imports."""
    grant = frozenset(f"module:{name}" for name in imports) if granted else frozenset()
    foreign = imports if granted else frozenset()
    found = [*security.inspect(source, capabilities=grant, foreign=foreign)]
    off = security.silenced(grant) | (_about_imports(scans, source) if granted else frozenset())
    found += opinions(source, scans, gate="security", tools=security.TOOLS, off=off)
    return {item.rule.removeprefix("security.") for item in found}


def _about_imports(scans: dict[str, ToolReport], source: Source) -> frozenset[str]:
    """Return the reports of the analysers that a module is imported at all."""
    codes = {item.code for item in scans[source.address].findings}
    return frozenset(code for code in codes if code.startswith(("B4", "S4")) or code == "F821")


def judged_with_grants(row: Row, scans: dict[str, ToolReport], *, granted: bool) -> set[str]:
    """Return by which rules the gate itself refuses an artifact, with its grants or without."""
    grant = row.capabilities if granted else frozenset()
    verdict = security.judge(row.source, capabilities=grant, scans=scans)
    return {item.rule.removeprefix("security.") for item in verdict.findings}


def _alarms(refused: dict[str, set[str]]) -> dict[str, dict[str, str]]:
    """Return the clean files that are refused: rightly with why, wrongly with the rules."""
    right = {path for path, rules in refused.items() if CONFIRMED.get(path, ("", ""))[0] in rules}
    return {
        "right": {path: CONFIRMED[path][1] for path in sorted(right)},
        "wrong": {path: ", ".join(sorted(refused[path])) for path in sorted({*refused} - right)},
    }


def scanned(rows: Iterable[Row]) -> dict[str, ToolReport]:
    """Return what the analysers say of all rows."""
    requests = [ScanRequest(source=row.source) for row in rows]
    return scan(requests, which=frozenset(security.TOOLS), timeout_s=600)


def measure(found: Set) -> Iterator[dict[str, Any]]:
    """Yield one line of figures for each label of a set."""
    scans = scanned(found.rows)
    for label in sorted({row.label for row in found.rows}):
        rows = [row for row in found.rows if row.label == label]
        flagged = [flags(row, scans) for row in rows]
        missed = {
            name: [row.source.path for row, f in zip(rows, flagged, strict=True) if name not in f]
            for name in ("all", "danger", "policy+")
        }
        yield {
            "set": found.name,
            "label": label,
            "files": len(rows),
            "unparsed": found.unparsed,
            "shares": {
                name: _share(sum(name in f for f in flagged), len(rows)) for name in COLUMNS
            },
            "not_refused": missed,
            "alarms": {
                name: _alarms(
                    {
                        row.source.path: _rules(row.source, scans, row.imports, granted=False)
                        for row, f in zip(rows, flagged, strict=True)
                        if label == "clean" and name in f
                    }
                )
                for name in ("all", "danger")
            },
            "ms_a_file": _cost_ms(rows),
        }


def measure_recorded(found: Set) -> Iterator[dict[str, Any]]:
    """Yield the false alarms over recorded artifacts, judged with the grants of their specs."""
    scans = scanned(found.rows)
    for label in sorted({row.label for row in found.rows}):
        rows = [row for row in found.rows if row.label == label]
        for granted in (False, True) if label == "granted" else (False,):
            refused = {
                row.source.path: rules
                for row in rows
                if (rules := judged_with_grants(row, scans, granted=granted))
            }
            yield {
                "set": "recorded",
                "label": f"{label}{', grants of its spec' if granted else ', no grant'}",
                "files": len(rows),
                "refused": _share(len(refused), len(rows)),
                "alarms": _alarms(refused),
                "ms_a_file": _cost_ms(rows),
            }


def _share(count: int, total: int) -> dict[str, float]:
    return {"count": count, "share": count / total, **asdict(wilson(count, total))}


def _cost_ms(rows: list[Row]) -> float:
    start = time.perf_counter()
    for row in rows:
        security.inspect(row.source, capabilities=row.capabilities)
    return (time.perf_counter() - start) / max(len(rows), 1) * 1000


def show(line: dict[str, Any]) -> None:
    """Print one line of figures; below it the interval of the column that counts most."""
    head = f"{line['set']:16} {line['label']:32} {line['files']:5}"
    if "shares" not in line:
        share = line["refused"]
        print(f"{head} refused {share['share']:.1%} [{share['low']:.1%}, {share['high']:.1%}]")
        return
    cells = " ".join(f"{line['shares'][name]['share']:8.1%}" for name in COLUMNS)
    print(f"{head} {cells}  {line['ms_a_file']:.2f} ms/file")
    ends = [line["shares"][name] for name in ("all", "danger")]
    texts = [f"[{end['low']:.1%}, {end['high']:.1%}]" for end in ends]
    print(f"{'':55} all {texts[0]}  danger {texts[1]}  left out {line['unparsed']}")


def _show_alarms(alarms: dict[str, dict[str, str]]) -> None:
    for how, files in alarms.items():
        for path, why in files.items():
            print(f"  {how}ly refused: {path}: {why}")


def main() -> int:
    """Measure every set and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", action="append", type=Path, default=[], metavar="SETS")
    parser.add_argument("--json", type=Path)
    parser.add_argument(
        "--misses", action="store_true", help="name what is judged against its label"
    )
    options = parser.parse_args()
    folders = options.data or [DATA]
    sets = [found for folder in folders for found in securitysets.foreign(folder)]
    sets += [securitysets.samples(), securitysets.evasion_set()]
    print(f"policy version {policy().version}; share of files refused")
    print(f"{'set':16} {'label':32} {'files':>5} " + " ".join(f"{name:>8}" for name in COLUMNS))
    lines = []
    for line in [line for found in sets for line in measure(found)]:
        lines.append(line)
        show(line)
        if line["label"] == "clean" and line["set"] == "humaneval":
            _show_alarms(line["alarms"]["all"])
        if options.misses and line["label"] != "clean":
            print("  not refused:", *line["not_refused"]["all"])
            print("  no danger seen:", *line["not_refused"]["danger"])
    for line in measure_recorded(securitysets.recorded()):
        lines.append(line)
        show(line)
        if line["label"] == "granted, no grant":  # as they have to be
            print("  for want of their grants:", *line["alarms"]["wrong"])
        else:
            _show_alarms(line["alarms"])
    if options.json:
        options.json.write_text(json.dumps(lines, indent=2), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
