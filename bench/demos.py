"""Cascades whose truth is known: whether the intervals of kind `demos` and its gate hold.

    python -m bench.demos [--worlds 400] [--json FILE]

Tasks differ in difficulty; a student's samples are right by it, its wrong answers come back, so
that samples can agree on one. The truth is the mean over many tasks.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from pytest_compiledai.core.interval import wilson
from pytest_compiledai.distill.agreeing import agreed
from pytest_compiledai.distill.agreeing import is_open
from pytest_compiledai.distill.paired import paired

POPULATION = 8_000
ROWS = (20, 50, 150)
CONFIDENCE = 0.95
MARGIN = 0.05


class World(NamedTuple):
    """How able both are, and how the student errs."""

    skill: float  # of the student
    teacher: float
    wrongs: int  # wrong answers of a task that come again
    samples: int
    agree: int


class Seen(NamedTuple):
    """One task, answered."""

    right: bool
    teacher_right: bool
    agreed: bool
    samples: int


def world(rng: random.Random) -> World:
    """Return a world drawn at random."""
    samples = rng.choice((2, 3, 5))
    return World(
        skill=rng.uniform(0.3, 0.97),
        teacher=rng.uniform(0.75, 0.98),
        wrongs=rng.choice((1, 2, 4, 12)),
        samples=samples,
        agree=rng.randint(samples // 2 + 1, samples),
    )


def task(world: World, rng: random.Random) -> Seen:
    """Return what comes of one task; hard ones are hard for both."""
    hard = rng.betavariate(0.6, 0.6)
    able = min(1.0, max(0.0, world.skill + 0.5 * (0.5 - hard)))
    knows = min(1.0, max(0.0, world.teacher + 0.15 * (0.5 - hard)))

    def sample() -> str:
        return "right" if rng.random() < able else f"wrong {rng.randrange(world.wrongs)}"

    answers = [sample() for _ in range(world.agree)]
    while is_open(answers, world.agree, world.samples):
        answers.append(sample())
    answer = agreed(answers, world.agree)
    teacher = rng.random() < knows
    right = teacher if answer is None else answer == "right"
    return Seen(right, teacher, answer is not None, len(answers))


def population(world: World, seed: int, count: int) -> list[Seen]:
    """Return many tasks of a world."""
    rng = random.Random(f"population {seed}")
    return [task(world, rng) for _ in range(count)]


def difference(seen: Sequence[Seen]) -> float:
    """Return how much more often the cascade is right than the teacher."""
    return fmean(one.right - one.teacher_right for one in seen)


def trust(seen: Sequence[Seen]) -> float:
    """Return the share right of those whose samples agreed."""
    return fmean([one.right for one in seen if one.agreed] or [0.0])


def campaign(
    worlds: int, rows: Sequence[int] = ROWS, count: int = POPULATION
) -> dict[str, dict[str, float]]:
    """Return, by the number of rows, how often intervals hold and the gate is wrong."""
    found: dict[str, dict[str, float]] = {}
    known = []
    for seed in range(worlds):
        made = world(random.Random(seed))
        everything = population(made, seed, count)
        known.append((made, difference(everything), trust(everything), formula(everything)))
    for asked in rows:
        covered, bounds, passed, wrongly = [], [], [], []
        for seed, (made, truth, certain, _) in enumerate(known):
            rng = random.Random(f"rows {asked} {seed}")
            seen = [task(made, rng) for _ in range(asked)]
            interval = paired([(one.right, one.teacher_right) for one in seen], CONFIDENCE)
            covered.append(interval.low <= truth <= interval.high)
            agreeing = [one.right for one in seen if one.agreed]
            bounds.append(wilson(sum(agreeing), len(agreeing), CONFIDENCE).low <= certain)
            passed.append(interval.low >= -MARGIN)
            wrongly.append(passed[-1] and truth < -MARGIN)
        bad = sum(truth < -MARGIN for _, truth, _, _ in known)
        good = sum(truth >= -MARGIN for _, truth, _, _ in known)
        found[str(asked)] = {
            "difference held": fmean(covered),
            "lower bound of trust held": fmean(bounds),
            "good passed": (sum(passed) - sum(wrongly)) / max(1, good),
            "bad passed": sum(wrongly) / max(1, bad),
        }
    found["truth"] = {
        "worlds": worlds,
        "bad worlds": sum(truth < -MARGIN for _, truth, _, _ in known),
        "formula less truth": fmean(told for *_, told in known),
    }
    return found


def formula(seen: Sequence[Seen]) -> float:
    """Return how much a P(right|agree) + (1 - a) A_t says over what is right.

    The formula takes the teacher's mean accuracy for escalated tasks, which are the harder ones.
    """
    share = fmean(one.agreed for one in seen)
    said = share * trust(seen) + (1 - share) * fmean(one.teacher_right for one in seen)
    return said - fmean(one.right for one in seen)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--worlds", type=int, default=400)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    found = campaign(asked.worlds)
    for rows, figures in found.items():
        told = ", ".join(f"{name} {value:.3f}" for name, value in figures.items())
        print(f"{rows:>6}  {told}")
    if asked.json:
        asked.json.write_text(f"{json.dumps(found, indent=1)}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
