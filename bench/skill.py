"""Skills whose truth is known: whether rigid metrics are told, lifts hold, the best policy wins.

    python -m bench.skill [--worlds 100] [--json FILE]

Runs leave a path at some step. A rigid metric scores how far they kept to it, with noise; a free
one scores something that the output does not show. Policies have true means; validation chooses.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from pytest_compiledai.distill.freedom import LEAST_RUNS
from pytest_compiledai.distill.freedom import Item
from pytest_compiledai.distill.freedom import freedom
from pytest_compiledai.distill.metrics import DISTANCES
from pytest_compiledai.distill.skill_judging import lift

STEPS = 12
NOISE = (0.0, 0.1, 0.3)
ROWS = (10, 30, 100)


def runs(rng: random.Random, *, noise: float | None, count: int) -> Item:
    """Return the runs of an item; ``noise`` is that of a rigid score, None for a free one."""
    kept = [rng.randrange(STEPS + 1) for _ in range(count)]
    outputs = tuple(
        " ".join(
            [f"step{at}" for at in range(n)] + [f"odd{rng.randrange(99)}" for _ in range(STEPS - n)]
        )
        for n in kept
    )
    if noise is None:
        return Item(outputs=outputs, scores=tuple(rng.random() for _ in range(count)))
    scores = tuple(n / STEPS + rng.gauss(0, noise) for n in kept)
    return Item(outputs=outputs, scores=scores)


def told(
    worlds: int, *, items: int = 4, noises: Sequence[float | None] = (*NOISE, None)
) -> dict[str, float]:
    """Return the share of metrics called rigid, by noise and distance; `free` is false alarms."""
    found: dict[str, float] = {}
    for noise in noises:
        name = "free" if noise is None else f"noise {noise:g}"
        kinds: dict[str, list[bool]] = {key: [] for key in (*DISTANCES, "majority")}
        for seed in range(worlds):
            rng = random.Random(f"{name} {seed}")
            made = [runs(rng, noise=noise, count=LEAST_RUNS) for _ in range(items)]
            rigid = []
            for distance in DISTANCES:
                value = freedom(made, distance, seed=seed)
                rigid.append(value is not None and value.kind == "rigid")
                kinds[distance].append(rigid[-1])
            kinds["majority"].append(2 * sum(rigid) > len(rigid))
        found |= {f"{name}, {key}": fmean(values) for key, values in kinds.items()}
    return found


def lifts(worlds: int, rows: Sequence[int] = ROWS) -> dict[str, float]:
    """Return how often the interval of a lift holds its truth, scores being 0, 1 and shares."""
    found = {}
    for count in rows:
        held = []
        for seed in range(worlds):
            rng = random.Random(f"lift {count} {seed}")
            mine, theirs = rng.uniform(0.2, 0.98), rng.uniform(0.2, 0.98)
            seen = [
                (rng.random() < mine) - fmean(rng.random() < theirs for _ in range(4))
                for _ in range(count)
            ]
            interval = lift(seen, 0.95)
            held.append(interval.low <= mine - theirs <= interval.high)
        found[f"lift held, {count} rows"] = fmean(held)
    return found


def chosen(worlds: int, rows: Sequence[int] = ROWS) -> dict[str, float]:
    """Return the mean score lost against the best policy: by validation, and by either paper."""
    found: dict[str, float] = {}
    for count in rows:
        lost: dict[str, list[float]] = {"validation": [], "always rigid": [], "always free": []}
        for seed in range(worlds):
            rng = random.Random(f"policy {count} {seed}")
            base = rng.uniform(0.4, 0.8)
            truth = [base, *(min(1.0, base + rng.uniform(-0.15, 0.2)) for _ in range(2))]
            hard = [rng.random() for _ in range(count)]  # all policies are asked the same rows
            means = [fmean((h + rng.gauss(0, 0.2)) < t for h in hard) for t in truth]
            best = max(truth)
            lost["validation"].append(best - truth[means.index(max(means))])
            lost["always rigid"].append(best - truth[1])
            lost["always free"].append(best - truth[2])
        found |= {f"lost, {count} rows, {way}": fmean(values) for way, values in lost.items()}
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--worlds", type=int, default=100)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    found = told(asked.worlds) | lifts(20 * asked.worlds) | chosen(20 * asked.worlds)
    for name, value in found.items():
        print(f"{name:<36} {value:.3f}")
    if asked.json:
        asked.json.write_text(f"{json.dumps(found, indent=1)}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
