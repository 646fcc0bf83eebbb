"""What the scoreboard has to reach, each figure beside its bound: `ok` or `short`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from typing import NamedTuple

VOTES = ("crux 3-vote", "crux 5-vote", "math-l5 3-vote", "math-l5 5-vote")
CURVE = (200, 400, 850, 2000)  # queries of a profile


class Target(NamedTuple):
    """A figure and what it has to be."""

    name: str
    found: float
    bound: float
    at_least: bool

    @property
    def reached(self) -> bool:
        """Whether the figure keeps its bound."""
        return self.found >= self.bound if self.at_least else self.found <= self.bound


def _most(name: str, found: float, bound: float) -> Target:
    return Target(name, found, bound, at_least=False)


def _least(name: str, found: float, bound: float) -> Target:
    return Target(name, found, bound, at_least=True)


def targets(found: dict[str, Any]) -> list[Target]:
    """Return the targets of the parts that were measured."""
    parts = {
        "spaces": _spaces,
        "truth": _truth,
        "racing": _racing,
        "speed": _speed,
    }
    return [target for part, of in parts.items() if part in found for target in of(found[part])]


def _spaces(rows: dict[str, Any]) -> Iterator[Target]:
    yield _most("gsm 3-vote, points off", rows["gsm 3-vote"]["per query"]["mae"], 1.2)
    for name in VOTES:
        yield _most(f"{name}, points off", rows[name]["per query"]["mae"], 3.0)
    for name in (*VOTES, "crux mixed", "math-l5 mixed"):
        yield _least(f"{name}, rank correlation", rows[name]["per query"]["spearman"], 0.95)
    held = [row["per query, intervals"] for row in rows.values()]
    for key, what in (("calibrated", "calibrated margins"), ("held", "stated intervals")):
        share = sum(row[key] for row in held) / len(held)
        yield _least(f"{what} that hold at 90 %, percent", share, 90.0)


def _truth(rows: dict[str, Any]) -> Iterator[Target]:
    for k in (3, 5):
        families = rows[f"one right of {k}, two samples of 850"]
        errors = [family["per query"] for family in families.values()]
        yield _most(f"one right of {k}, points off, mean", sum(errors) / len(errors), 2.0)
        yield _most(f"one right of {k}, points off, worst family", max(errors), 2.0)
    for queries in CURVE:
        row = rows[f"targets, {queries} queries x 2"]["prudent, 80%"]
        yield _most(f"targets missed at {queries} queries, percent", row["missed"], 5.0)
        yield _most(f"extra latency at {queries} queries, percent", row["extra"], 6.0)


def _racing(rows: dict[str, Any]) -> Iterator[Target]:
    every = list(rows["racing against the full grid, percent"].values())
    yield _most("racing, calls of the grid, percent", max(row["calls"] for row in every), 40.0)
    same = min(row["same"] for row in every)
    yield _least("racing, splits with the grid's choices, percent", same, 95.0)


def _speed(rows: dict[str, Any]) -> Iterator[Target]:
    speed = rows["speed"]
    for name, bound in (("published space", 10.0), ("a setting a slot", 5.0)):
        yield _most(f"exact front, {name}, ms", speed[f"exact front, {name}"]["ms"], bound)
    for name, bound in (("NumPy", 15.0), ("numba", 300.0)):
        figure = speed[f"per query, {name}"]["millions_per_second"]
        yield _least(f"{name}, million configurations a second", figure, bound)
    peak = max(row["peak_mb"] for row in speed.values())
    yield _most("memory, MB", peak, 200.0)


def shown(reached: list[Target]) -> str:
    """Return the targets as a table."""
    lines = [f"\n{'what it must reach':58}{'found':>10}{'bound':>10}"]
    for target in reached:
        bound = f"{'>=' if target.at_least else '<='} {target.bound:g}"
        word = "ok" if target.reached else "short"
        lines.append(f"  {target.name:56}{target.found:>10.3f}{bound:>10}  {word}")
    return "\n".join(lines)
