"""Requests turned into function calls: what compiled programs answer, abstain from and get wrong.

    python -m bench.function_calling [--data DIR] [--mode task|function] [--proposer NAME]
        [--recordings DIR] [--requests FILE] [--half N] [--prompt N] [--repair N]
        [--candidates N] [--compose HOW] [--reference] [--limit N] [--each N] [--seed N]
        [--json FILE]

DIR holds tasks in the form of the Berkeley leaderboard (default ../shared/data/bfcl). Per task is
the published protocol: each task compiled by itself from its own request, then run on it. One
request teaches little, so a program must answer from the request and the schema alone; its right
answer never enters a gate. With --reference the model also answers each request itself, and a
program must answer the same or is sent back: two ways to one answer. Per function compiles from
half of the requests that share a schema and is scored on the other half.

The proposer is builtin/synth, or `recordings`: answers of a model in --recordings. A unit without
one counts as not compiled and its request goes to --requests, a JSON line each; or name a model
(`bridge/NAME` is one behind OPENAI_API_BASE), which is then asked for what is missing.

All tasks take some 20 minutes on two cores, most of it in the gates. --quick leaves out gates and
sandbox: what builtin/synth's own parts answer in this process, the functions that programs hold.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.calls import running
from bench.calls.running import Run
from bench.calls.running import Unit
from bench.calls.scoring import figures
from bench.calls.scoring import scored
from bench.calls.scoring import table
from bench.calls.specs import REFERRED
from bench.calls.tasks import Task
from bench.calls.tasks import read_tasks
from bench.replaying import DATA
from pytest_compiledai.core.candidate import BUILTIN


def sampled(tasks: Sequence[Task], limit: int, seed: int) -> list[Task]:
    """Return at most ``limit`` tasks, the same for the same seed; 0 is all."""
    if not limit or limit >= len(tasks):
        return list(tasks)
    chosen = set(random.Random(seed).sample(range(len(tasks)), limit))
    return [task for number, task in enumerate(tasks) if number in chosen]


def drawn(tasks: Sequence[Task], each: int, seed: int) -> list[Task]:
    """Return at most ``each`` tasks of each category, by a hash of seed and id; 0 is all.

    A larger draw holds the smaller ones of its seed, so that answers to them go on counting.
    """
    if not each:
        return list(tasks)
    ranked = sorted(tasks, key=lambda task: hashlib.sha256(f"{seed} {task.id}".encode()).digest())
    counts: Counter[str] = Counter()
    chosen = set()
    for task in ranked:
        counts[task.category] += 1
        if counts[task.category] <= each:
            chosen.add(task.id)
    return [task for task in tasks if task.id in chosen]


def half(task: Task) -> int:
    """Return the half that a task belongs to: rules are developed on 0 and measured on 1."""
    return hashlib.sha256(task.id.encode("utf-8")).digest()[-1] % 2


def measure(tasks: Sequence[Task], options: argparse.Namespace) -> dict[str, Any]:
    """Compile, call and score; return the figures and a line for each task."""
    by_function = options.mode == "function"
    units = (running.per_function if by_function else running.per_task)(tasks)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        running.write(root, units, accuracy=by_function, more=asked_of(options))
        if options.quick:
            return reported(units, synthesised(root, units), options)
        if options.proposer == "recordings":
            missing = running.requests_of(root, options.recordings)
            write_requests(options.requests, missing)
            running.drop_unanswered(root, missing)
        is_left = any((root / "specs").glob("*.yaml"))
        run = Run(units=running.compiled(root, arguments(options)) if is_left else {})
        running.answered(root, units, run)
    return reported(units, run, options)


def asked_of(options: argparse.Namespace) -> dict[str, Any]:
    """Return the keys of each spec that say how candidates are made; none by default."""
    found = {"prompt": options.prompt, "repair": options.repair}
    asked: dict[str, Any] = {key: value for key, value in found.items() if value != 1}
    if options.compose:
        asked["compose"] = options.compose
    more: dict[str, Any] = {"proposing": asked} if asked else {}
    if options.reference:
        more["gates"] = REFERRED
    return more | ({"candidates": options.candidates} if options.candidates > 1 else {})


def synthesised(root: Path, units: Sequence[Unit]) -> Run:
    """Return what builtin/synth answers before any gate."""
    run = Run()
    running.synthesised(root, units, run)
    return run


def reported(units: Sequence[Unit], run: Run, options: argparse.Namespace) -> dict[str, Any]:
    """Return the figures and a line for each task."""
    rows = [scored(task, unit, run) for unit in units for task in unit.test]
    return {
        "mode": options.mode,
        "proposer": options.proposer,
        **figures(rows, len(units), run),
        "rows": rows,
    }


def arguments(options: argparse.Namespace) -> list[str]:
    """Return what the proposer asks of pytest."""
    more = ["-n", str(options.jobs)] if options.jobs > 1 else []
    if options.proposer == BUILTIN:
        return [*more, "--compile-model", BUILTIN]
    if options.recordings:
        # One word: as two, pytest takes the folder for a place of tests and looks for its root.
        more += [f"--compile-recordings={options.recordings.resolve()}"]
    if options.proposer == "recordings":
        return [*more, "--compile-record", "none"]
    return [*more, "--compile-model", options.proposer]


def write_requests(path: Path | None, missing: Sequence[dict[str, Any]]) -> None:
    """Write the requests that no recording answers."""
    if path:
        lines = "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in missing)
        path.write_text(lines, encoding="utf-8")


def parsed(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA / "bfcl")
    parser.add_argument("--mode", choices=("task", "function"), default="task")
    parser.add_argument("--proposer", default=BUILTIN, help=f"{BUILTIN}, recordings, or a model")
    parser.add_argument("--recordings", type=Path)
    parser.add_argument("--requests", type=Path)
    parser.add_argument("--category", action="append", default=[])
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--each", type=int, default=0, help="tasks drawn from each category")
    parser.add_argument("--half", type=int, choices=(0, 1), help="of the tasks, by their ids")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--prompt", type=int, default=1, help="version of the first request")
    parser.add_argument("--repair", type=int, default=1, help="version of a repair's request")
    parser.add_argument("--candidates", type=int, default=1, help="chains in a pool")
    parser.add_argument("--compose", action="append", default=[], help="fields or agreement")
    parser.add_argument("--reference", action="store_true", help="per task, two ways to an answer")
    parser.add_argument("--quick", action="store_true", help="no gates, builtin/synth alone")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(words)
    if options.reference and options.mode != "task":
        parser.error("--reference is for --mode task: rows that state answers are compared already")
    return options


def main() -> None:
    """Measure and print one table; the figures also as JSON."""
    options = parsed()
    tasks = read_tasks(options.data)
    if not tasks:
        raise SystemExit(f"{options.data}: found no CATEGORY.jsonl; next: --data DIR")
    tasks = [task for task in tasks if not options.category or task.category in options.category]
    if options.half is not None:
        tasks = [task for task in tasks if half(task) == options.half]
    tasks = drawn(sampled(tasks, options.limit, options.seed), options.each, options.seed)
    found = measure(tasks, options)
    print(table(found))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    main()
