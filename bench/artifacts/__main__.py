"""What the gates make of good-faith answers to 101 specs, 40 of them with capabilities.

python -m bench.artifacts [--json PATH] [-k EXPRESSION]

Replays the recordings beside the specs; nothing is asked. Two runs: first proposals alone, then
whole chains with their repairs.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from bench.replaying import compiled
from bench.replaying import copied
from pytest_compiledai.core.gate import GATES
from pytest_compiledai.core.interval import wilson

HERE = Path(__file__).parent
GROUPS = ("pure", "capable")


def main() -> None:
    """Replay, print the counts of each gate and the units that failed; the figures also as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("-k", dest="chosen", default="", help="units, as in pytest")
    options = parser.parse_args()
    figures = measure(options.chosen)
    for run in ("first", "chain"):
        print(f"\n{run}: refused by {', '.join(GATES)}; passed; unrecorded")
        for group in GROUPS:
            print(f"  {group:8} {_line(figures[run][group])}")
        for unit, told in figures[run]["failed"].items():
            print(f"    {unit}: {told}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def measure(chosen: str = "") -> dict[str, Any]:
    """Return the counts of first proposals and of whole chains, for each group of specs."""
    with tempfile.TemporaryDirectory() as folder:
        root = copied(HERE, Path(folder) / "artifacts")
        first = compiled(root, "specs", "--compile-attempts", "1", "-k", chosen)
        chain = compiled(root, "specs", "-k", chosen)
    return {"first": _counted(first), "chain": _counted(chain)}


def _counted(units: list[dict[str, Any]]) -> dict[str, Any]:
    ends = {unit["id"]: _end(unit) for unit in units}
    groups = {unit["id"]: GROUPS[_asks(unit["id"])] for unit in units}
    figures: dict[str, Any] = {}
    for group in GROUPS:
        counts = Counter(ends[unit][0] for unit in ends if groups[unit] == group)
        judged = sum(counts.values()) - counts["unrecorded"]
        figures[group] = {
            "units": sum(counts.values()),
            "judged": judged,
            "ends": dict(counts),
            "security_interval": _interval(counts["security"], judged),
        }
    figures["failed"] = {
        unit.partition("::")[2]: f"{groups[unit]}, {gate}: {told}"
        for unit, (gate, told) in sorted(ends.items())
        if gate != "passed"
    }
    return figures


def _end(unit: dict[str, Any]) -> tuple[str, str]:
    """Return where a unit ended: a gate, `passed`, or `unrecorded`; and the first finding."""
    for gate, verdict in unit["gates"].items():
        if verdict["outcome"] == "failed":
            first = verdict["findings"][0]
            return gate, f"[{first['rule']}] {first['message'][:160]}"
    if unit["outcome"] in ("frozen", "renewed", "unchanged"):
        return "passed", ""
    return "unrecorded", unit.get("error", "")[:160]


def _asks(unit: str) -> bool:
    spec = HERE / unit.partition("::")[0]
    return "\ncapabilities:" in spec.read_text(encoding="utf-8")


def _interval(hits: int, of: int) -> list[float]:
    if not of:
        return []
    found = wilson(hits, of)
    return [round(found.low, 4), round(found.high, 4)]


def _line(found: dict[str, Any]) -> str:
    ends = found["ends"]
    counts = " ".join(f"{gate} {ends.get(gate, 0)}" for gate in (*GATES, "passed", "unrecorded"))
    return f"of {found['units']:3}: {counts}; security {found['security_interval']}"


if __name__ == "__main__":
    main()
