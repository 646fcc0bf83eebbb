# compiledai module pairs@1
"""What is found and the fields it could fill, paired where each is the other's best."""

from __future__ import annotations


def matched(table: list[list[int]], margin: int) -> dict[int, int]:
    """Return number -> field where each is the other's best by a margin, again and again."""
    pairs: dict[int, int] = {}
    while True:
        rows = [row for row in range(len(table)) if row not in pairs]
        taken = set(pairs.values())
        columns = [c for c in range(len(table[0]) if table else 0) if c not in taken]
        found = best_pair(table, rows, columns, margin)
        if found is None:
            return pairs
        pairs[found[0]] = found[1]


def best_pair(
    table: list[list[int]], rows: list[int], columns: list[int], margin: int
) -> tuple[int, int] | None:
    """Return the strongest pair in which each side prefers the other clearly."""
    best: tuple[int, int] | None = None
    for row in rows:
        for column in columns:
            score = table[row][column]
            if score <= 0 or (best is not None and score <= table[best[0]][best[1]]):
                continue
            rivals = [table[row][c] for c in columns if c != column]
            rivals += [table[r][column] for r in rows if r != row]
            if all(score >= rival + margin for rival in rivals):
                best = (row, column)
    return best
