from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from dataclasses import field

BASE = {"a": 1, "b": 2}
GRID = [[0, 0], [0, 0]]
WORDS = "one two three".split()
ZERO = (0, 0)


@dataclass
class Basket:
    lines: list[str] = field(default_factory=list)
    total: int = 0

    def add(self, line: str) -> None:
        self.lines.append(line)
        self.total += 1


def grouped(words: list[str]) -> dict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for word in words:
        found[word[:1]].append(word)
    return dict(found)


GROUPS = grouped(WORDS)


def f(data: list[str]) -> dict[str, object]:
    counts = dict(BASE)
    counts["a"] += len(data)
    grid = [row[:] for row in GRID]
    grid[0][0] = 1
    words = WORDS if data else []
    words = [word.upper() for word in words]
    words.append("x")
    low, high = ZERO
    low += 1
    basket = Basket()
    for line in data:
        basket.add(line)
    merged = {**BASE, "c": high}
    merged["d"] = low
    parts = sorted(GROUPS.get("t", []))
    parts.extend(data)
    return {"counts": counts, "grid": grid, "words": words, "parts": parts, "merged": merged}
