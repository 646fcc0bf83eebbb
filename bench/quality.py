"""What each part of proposing is worth: prompts, pools, targeted repair, refusal, one off a row.

    python -m bench.quality [--part calls] [--part rows] [--data DIR] [--recordings DIR]
        [--proposer NAME] [--requests FILE] [--seed N] [--json FILE]

calls: tasks of the function-calling leaderboard, drawn from each of its categories, per task as in
`bench.function_calling`: no row tells right from wrong, so a pool can only agree. rows: specs that
are shipped, their description cut to one sentence; candidates are chosen on the validation rows and
scored on the test rows, which no gate opens before the choice.

The proposer is `recordings`, the answers in --recordings: a unit without one is not compiled, and
its requests go to --requests, a JSON line each, which a bridge can serve; or name a model.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from bench import function_calling
from bench.calls import running
from bench.calls.tasks import Task
from bench.calls.tasks import is_stated
from bench.calls.tasks import read_tasks
from bench.replaying import DATA
from bench.replaying import ROOT
from bench.replaying import compiled

#: Tasks drawn from each category of the leaderboard.
STRATA = {"simple_python": 5, "multiple": 5, "parallel": 5, "live_simple": 5, "irrelevance": 4}
SEED = 20261126
_TWO = {"prompt": 2, "repair": 2}
#: How calls are proposed: everything on, then one part off at a time, then none of it.
CALLS: Mapping[str, Mapping[str, Any]] = {
    "all": {**_TWO, "candidates": 2, "compose": ["fields", "agreement"]},
    "without prompts": {"repair": 2, "candidates": 2, "compose": ["fields", "agreement"]},
    "without pool": _TWO,
    "without pool, with reference": {**_TWO, "reference": True},
    "without targeted repair": {"prompt": 2, "candidates": 2, "compose": ["fields", "agreement"]},
    "without refusal": {**_TWO, "candidates": 2, "compose": ["fields"]},
    "without pool and repair": {"prompt": 2},
    "targeted repair alone": {"repair": 2},
    "none": {},
}
ROWS: Mapping[str, Mapping[str, Any]] = {
    "all": {**_TWO, "candidates": 3, "compose": ["fields", "agreement"]},
    "without prompts": {"repair": 2, "candidates": 3, "compose": ["fields", "agreement"]},
    "without refusal": {**_TWO, "candidates": 3, "compose": ["fields"]},
    "without fields": {**_TWO, "candidates": 3, "compose": ["agreement"]},
    "best of three": {**_TWO, "candidates": 3},
    "without pool": _TWO,
    "none": {},
}
#: What somebody would write in a hurry; the rows have to say the rest.
HURRIED = {
    "extract_invoice": "Read number, date, total and currency of an invoice from its text.",
    "parse_log_line": "Read format, time in UTC, level, source and message of a line of a log.",
    "normalise_money": "Turn an amount of money as people write it into amount and currency.",
    "route_ticket": "Decide which queue answers a support ticket, and whether it is urgent.",
}
GATES = {"accuracy": {"threshold": 0.001, "coverage": 0}, "fuzz": {"reference": "none"}}


def drawn(tasks: Sequence[Task], seed: int) -> list[Task]:
    """Return tasks of each category, of those that a schema can state; equal for equal seeds."""
    chance = random.Random(seed)
    found: list[Task] = []
    for category, count in STRATA.items():
        stated = [t for t in tasks if t.category == category and is_stated(t)]
        few = chance.sample(stated, min(count, len(stated)))
        found += sorted(few, key=lambda task: task.id)
    return found


def calls(options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Return the figures of each way to propose on the leaderboard's tasks."""
    tasks = drawn(read_tasks(options.data), options.seed)
    found = {}
    for name, way in CALLS.items():
        asked = {
            "prompt": 1,
            "repair": 1,
            "candidates": 1,
            "compose": [],
            "reference": False,
            **way,
        }
        words = argparse.Namespace(
            **{**vars(function_calling.parsed([])), **vars(options), **asked}
        )
        words.requests = None
        found[name] = function_calling.measure(tasks, words)
    return found


def rows(options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Return the figures of each way to propose on the hurried specs."""
    found = {}
    for name, way in ROWS.items():
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            write_hurried(root, way)
            units = compiled(root, *function_calling.arguments(options), "specs")
        found[name] = {unit["id"].rpartition("::")[2]: scored(unit) for unit in units}
        found[name]["all"] = summed(list(found[name].values()))
    return found


def write_hurried(root: Path, way: Mapping[str, Any]) -> None:
    """Write a project of the shipped specs with a sentence for a description."""
    (root / "specs").mkdir(parents=True)
    (root / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    for name, sentence in HURRIED.items():
        shutil.copy(ROOT / "fixtures" / f"{name}.jsonl", root / "specs")
        text = (ROOT / "examples" / "function" / f"{name}.yaml").read_text(encoding="utf-8")
        shipped = yaml.safe_load(text)
        spec = {
            **shipped,
            "description": sentence,
            "golden": f"{name}.jsonl",
            "gates": GATES,
            **keys_of(way),
        }
        lines = (f"{key}: {json.dumps(value)}\n" for key, value in spec.items())
        (root / "specs" / f"{name}.yaml").write_text("".join(lines), encoding="utf-8")


def keys_of(way: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys of a spec that say how its candidates are made."""
    asked = {"prompt": 1, "repair": 1, "candidates": 1, "compose": [], "reference": False, **way}
    return function_calling.asked_of(argparse.Namespace(**asked))


def scored(unit: Mapping[str, Any]) -> dict[str, Any]:
    """Return how a unit's frozen program does on its test rows; nothing answered where none is."""
    splits = unit["gates"].get("accuracy", {}).get("figures", {}).get("splits", {})
    frozen = unit["outcome"] == "frozen" and any(unit["tokens"].values())
    test = splits.get("test", {}) if frozen else {}
    tokens = unit["tokens"]["in"] + unit["tokens"]["out"]
    return {
        "compiled": int(frozen),
        "rows": test.get("rows", 0),
        "answered": test.get("answered", 0),
        "right": test.get("right", 0),
        "tokens": tokens,
    }


def summed(units: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the sums over units."""
    return {key: sum(unit[key] for unit in units) for key in units[0]} if units else {}


def requests(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield the first requests that no recording answers, each once."""
    seen = set()
    tasks = drawn(read_tasks(options.data), options.seed) if "calls" in options.part else []
    with tempfile.TemporaryDirectory() as folder:
        for number, way in enumerate(CALLS.values() if tasks else ()):
            root = Path(folder) / f"calls{number}"
            running.write(root, running.per_task(tasks), accuracy=False, more=keys_of(way))
        for number, way in enumerate(ROWS.values() if "rows" in options.part else ()):
            write_hurried(Path(folder) / f"rows{number}", way)
        for root in sorted(Path(folder).iterdir()):
            for item in running.requests_of(root, options.recordings):
                if item["key"] not in seen:
                    seen.add(item["key"])
                    yield item


def shown_calls(found: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the figures on calls as a table."""
    keys = ("right", "abstained", "wrong", "not compiled")
    lines = [f"{'calls':26}" + "".join(f"{key:>13}" for key in (*keys, "attempts", "tokens"))]
    for name, item in found.items():
        counts = Counter(row["result"] for row in item["rows"])
        cells = [counts[key] for key in keys]
        cells += [item["attempts"], item["tokens_in"] + item["tokens_out"]]
        lines.append(f"{name:26}" + "".join(f"{cell:13,}" for cell in cells))
    return "\n".join(lines)


def shown_rows(found: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the figures on rows as a table."""
    keys = ("compiled", "rows", "right", "wrong", "abstained", "tokens")
    lines = [f"{'rows':26}" + "".join(f"{key:>13}" for key in keys)]
    for name, units in found.items():
        item = units["all"]
        wrong, abstained = item["answered"] - item["right"], item["rows"] - item["answered"]
        cells = [item["compiled"], item["rows"], item["right"], wrong, abstained, item["tokens"]]
        lines.append(f"{name:26}" + "".join(f"{cell:13,}" for cell in cells))
    return "\n".join(lines)


def main() -> None:
    """Measure, print a table for each part; the figures also as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", action="append", choices=("calls", "rows"), default=[])
    parser.add_argument("--data", type=Path, default=DATA / "bfcl")
    parser.add_argument("--recordings", type=Path)
    parser.add_argument("--proposer", default="recordings")
    parser.add_argument("--requests", type=Path)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    options.part = options.part or ["calls", "rows"]
    found: dict[str, Any] = {}
    if options.requests:
        function_calling.write_requests(options.requests, list(requests(options)))
    if "calls" in options.part:
        found["calls"] = calls(options)
        print(shown_calls(found["calls"]))
    if "rows" in options.part:
        found["rows"] = rows(options)
        print(shown_rows(found["rows"]))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    main()
