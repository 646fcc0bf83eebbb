"""The scoreboard of kind `workflow`: predictions against truth, on real answers and known worlds.

    python -m bench.workflows [--splits 5] [--worlds 60] [--part NAME]... [--json PATH]
        [--table FILE]... [--flowcompile CHECKOUT]

Parts: `spaces`, `chains` and `racing` (stored answers, read by path from `shared/data/flow`;
skipped where they are not; `chains` also of tables with measured seconds), `boards` (retries and
trials that were measured), `truth` (worlds with known truth), `speed` (beside FlowCompile's own
code where a checkout is given).
The published formula is that of FlowCompile at commit f206804, re-implemented. What we lose is
printed too: `hypervolume` and `front` favour the formula of means on several spaces. Last comes
what has to be reached, a line a figure, `ok` or `short`.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from bench import flow_boards
from bench import flow_chains
from bench import flow_racing
from bench import flow_speed
from bench import flow_targets
from bench import flow_truth
from bench.flow_score import score
from bench.flow_score import targets
from bench.flow_spaces import Answers
from bench.flow_spaces import answers
from bench.flow_spaces import available
from bench.flow_spaces import by_means
from bench.flow_spaces import ordered
from bench.flow_spaces import replayed
from bench.flow_spaces import space
from pytest_compiledai.workflows.intervals import conformal_margin
from pytest_compiledai.workflows.intervals import new_sample
from pytest_compiledai.workflows.intervals import share_bounds
from pytest_compiledai.workflows.intervals import share_interval

SPACES = (
    ("gsm", "3-vote"),
    ("crux", "3-vote"),
    ("crux", "5-vote"),
    ("math-l5", "3-vote"),
    ("math-l5", "5-vote"),
    ("gsm", "mixed"),
    ("crux", "mixed"),
    ("math-l5", "mixed"),
)
CONFIDENCE = 0.9
CALIBRATION = 20  # configurations run end to end
CALIBRATIONS = 40  # times that they are drawn
PARTS = ("spaces", "chains", "boards", "truth", "racing", "speed")


def halves(of: Answers, split: int) -> tuple[Answers, Answers]:
    """Return the profile half and the test half of the questions."""
    order = np.random.default_rng(split).permutation(of.code.shape[1])
    middle = len(order) // 2
    return of.half(np.sort(order[:middle])), of.half(np.sort(order[middle:]))


def one_split(of: Answers, name: str, split: int) -> dict[str, dict[str, float]]:
    """Return each method's figures, profiled on one half and tested on the other."""
    profile, test = halves(of, split)
    groups = ordered(space(name, len(of.models)), profile.right.mean(axis=1))
    ours, truth = replayed(groups, profile), replayed(groups, test)
    reached = truth.per_query.mean(axis=1)
    predictions = {
        "published": by_means(groups, profile, "published"),
        "independent vote": by_means(groups, profile, "independent"),
        "per query": ours.per_query.mean(axis=1),
    }
    bounds = predictions | {
        "per query, intervals": share_bounds(ours.per_query, 2 * CONFIDENCE - 1)[0]
    }
    wanted = np.quantile(reached, np.linspace(0.5, 0.995, 24))
    found = {}
    for method, bound in bounds.items():
        predicted = predictions.get(method, predictions["per query"])
        found[method] = score(predicted, ours.seconds, reached, truth.seconds)
        found[method] |= targets(bound, ours.seconds, reached, truth.seconds, wanted)
    found["per query, intervals"] |= margins(ours.per_query, reached, test.code.shape[1], split)
    return found


def margins(ours: np.ndarray, reached: np.ndarray, queries: int, split: int) -> dict[str, float]:
    """Return how often stated margins hold, in percent: by queries alone, and by end-to-end runs.

    The 20 configurations run end to end are drawn, many times, and none of them is tested.
    """
    rng = np.random.default_rng([split, 7])
    some = rng.choice(len(ours), min(2000, len(ours)), replace=False)
    mean = ours.mean(axis=1)
    held = []
    for n in some:
        interval = new_sample(
            share_interval(ours[n], CONFIDENCE), float(mean[n]), queries, CONFIDENCE
        )
        held.append(interval.low <= reached[n] <= interval.high)
    errors = (mean - reached)[some]
    found = []
    for _ in range(CALIBRATIONS):
        rng.shuffle(errors)
        run, rest = errors[:CALIBRATION], errors[CALIBRATION:]
        margin = conformal_margin(run.tolist(), CONFIDENCE)
        found.append((float((np.abs(rest) <= margin).mean()), margin))
    calibrated, margin = np.mean(found, axis=0)
    return {
        "held": 100 * float(np.mean(held)),
        "calibrated": 100 * float(calibrated),
        "margin": 100 * float(margin),
    }


def spaces(splits: int) -> dict[str, Any]:
    """Return the mean figures of each method on each space."""
    found = {}
    for dataset, name in SPACES:
        rows = [one_split(answers(dataset), name, split) for split in range(splits)]
        found[f"{dataset} {name}"] = averaged(rows)
    return found


def chains(splits: int, tables: list[Path]) -> dict[str, Any]:
    """Return the mean figures of each method on tries one after the other, by table."""
    stored = [answers(dataset) for dataset in ("gsm", "crux", "math-l5")] if available() else []
    spaces = {
        f"{name}, tries of 25": flow_chains.Table(of.right[:25].astype(float), of.seconds[:25])
        for name, of in zip(("gsm", "crux", "math-l5"), stored, strict=False)
    }
    spaces |= {path.name: flow_chains.read(path) for path in tables}
    return {
        name: averaged([flow_chains.one_split(of, split) for split in range(splits)])
        for name, of in spaces.items()
    }


def averaged(rows: list[dict[str, dict[str, float]]]) -> dict[str, dict[str, float | None]]:
    """Return the mean figures of each method over splits."""
    return {
        method: {key: mean_of([row[method][key] for row in rows]) for key in rows[0][method]}
        for method in rows[0]
    }


def racing(splits: int) -> dict[str, Any]:
    """Return calls, and how often every choice is the full grid's, in percent."""
    rows = {}
    for dataset in ("gsm", "crux", "math-l5"):
        for targets_asked in (4, 6, 12):
            found = [
                flow_racing.compared(halves(answers(dataset), split)[0], split, targets_asked)
                for split in range(splits)
            ]
            rows[f"{dataset}, {targets_asked} targets"] = {
                key: mean_of([row[key] for row in found]) for key in found[0]
            }
    return {"racing against the full grid, percent": rows}


def mean_of(values: list[float]) -> float | None:
    """Return the mean of what was measured; None where nothing was."""
    kept = [value for value in values if not np.isnan(value)]
    return float(np.mean(kept)) if kept else None


def truth(worlds: int) -> dict[str, Any]:
    """Return errors of one right of three and five, and targets missed, where truth is known."""
    found: dict[str, Any] = {
        f"one right of {k}, two samples of {queries}": flow_truth.any_of(k, 2, worlds, queries)
        for k in (3, 5)
        for queries in (400, 850)
    }
    for queries, samples in (*((queries, 2) for queries in flow_targets.CURVE), (850, 1)):
        name = f"targets, {queries} queries x {samples}"
        found[name] = flow_truth.missed(worlds, queries=queries, samples=samples)
    return found


def shown(title: str, rows: dict[str, Any]) -> None:
    """Print a table of rows of figures."""
    print(f"\n{title}")
    columns = list(dict.fromkeys(key for row in rows.values() for key in row))
    print(f"  {'':24}" + "".join(f"{column:>14}" for column in columns))
    for name, row in rows.items():
        cells = [row.get(column) for column in columns]
        text = [f"{c:.3f}" if isinstance(c, float) else "" if c is None else str(c) for c in cells]
        print(f"  {name:24}" + "".join(f"{cell:>14}" for cell in text))


def main() -> None:
    """Run the parts that were asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--worlds", type=int, default=60)
    parser.add_argument("--part", action="append", choices=PARTS)
    parser.add_argument("--table", action="append", type=Path, default=[])
    parser.add_argument("--flowcompile", type=Path)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    found: dict[str, Any] = {}
    for part in asked.part or PARTS:
        if part in ("spaces", "racing") and not available():
            print(f"{part}: no shared/data/flow beside the checkout; skipped")
            continue
        made = {
            "spaces": lambda: spaces(asked.splits),
            "chains": lambda: chains(asked.splits, asked.table),
            "boards": flow_boards.boards,
            "truth": lambda: truth(asked.worlds),
            "racing": lambda: racing(6 * asked.splits),
            "speed": lambda: {"speed": flow_speed.measured(asked.flowcompile)},
        }[part]()
        found[part] = made
        for title, rows in made.items():
            shown(title, rows)
        sys.stdout.flush()
    reached = flow_targets.targets(found)
    print(flow_targets.shown(reached))
    found["targets"] = [target._asdict() | {"reached": target.reached} for target in reached]
    if asked.json:
        asked.json.write_text(f"{json.dumps(found, indent=1)}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
