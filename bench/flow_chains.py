"""Tries one after the other until one is right, on stored answers: what formulas make of them.

A table of one's own with measured seconds is read by path: CSV or Parquet with the columns
`setting`, `query`, `score` and `seconds` (a profile is one). A later try is replayed, not asked: a
real one would see what went wrong before.
"""

from __future__ import annotations

import itertools
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from bench.flow_score import score
from bench.flow_score import targets
from bench.flow_truth import chained
from bench.flow_truth import lows
from bench.flow_truth import missing

LEVEL = 0.9  # of a lower bound
TRIPLES = 3000


class Table(NamedTuple):
    """What settings gave on the same queries."""

    right: np.ndarray  # [S, Q] shares
    seconds: np.ndarray  # [S, Q]


def read(path: Path) -> Table:
    """Return a table of the settings that have every query; means where there are several rows.

    Raises ``ValueError`` where no two settings have.
    """
    frame = pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path)
    lacking = {"setting", "query", "score", "seconds"} - set(frame.columns)
    if lacking:
        raise ValueError(f"{path}: no {', '.join(sorted(lacking))}; expected a column each")
    if "state" in frame.columns:
        frame = frame.filter(pl.col("state") == "correct")
    if "agent" in frame.columns:
        frame = frame.with_columns(setting=pl.format("{} {}", "agent", "setting"))
    rows = frame.group_by("setting", "query").agg(pl.col("score", "seconds").mean())
    wide = [
        rows.pivot("setting", index="query", values=name).sort("query").drop("query")
        for name in ("score", "seconds")
    ]
    kept = [name for name in sorted(wide[0].columns) if not wide[0][name].null_count()]
    if len(kept) < 2:
        raise ValueError(f"{path}: {len(kept)} settings with every query; expected two")
    return Table(*(part.select(kept).to_numpy().T for part in wide))


def space(settings: int) -> np.ndarray:
    """Return chains [N, 3] of one, two and at most so many drawn of three settings; -1: no more."""
    rng = np.random.default_rng(0)
    rows = [[n, -1, -1] for n in range(settings)]
    rows += [[*pair, -1] for pair in itertools.permutations(range(settings), 2)]
    if settings > 2:
        rows += sorted(
            {tuple(rng.choice(settings, 3, replace=False).tolist()) for _ in range(TRIPLES)}
        )
    return np.array(rows)


def one_split(of: Table, split: int) -> dict[str, dict[str, float]]:
    """Return each method's figures, profiled on one half of the queries, tested on the other."""
    order = np.random.default_rng(split).permutation(of.right.shape[1])
    middle = len(order) // 2
    chains = space(len(of.right))
    guess, times = _figures(of, chains, order[:middle])
    truth, true_times = _figures(of, chains, order[middle:])
    reached, true_seconds, seconds = truth.mean(axis=1), true_times.mean(axis=1), times.mean(axis=1)
    published, published_seconds = by_means(of, chains, order[:middle])
    mean, low = guess.mean(axis=1), lows(guess, LEVEL)
    wanted = np.quantile(reached, np.linspace(0.5, 0.995, 24))
    found = {}
    for method, predicted, bound, pace, prudent in (
        ("published", published, published, published_seconds, None),
        ("per query", mean, mean, seconds, None),
        ("per query, intervals", mean, low, seconds, None),
        ("prudent", mean, low, seconds, partial(missing, mean, low, LEVEL)),
    ):
        found[method] = score(predicted, pace, reached, true_seconds)
        found[method] |= targets(bound, pace, reached, true_seconds, wanted, missing=prudent)
        found[method]["seconds off"] = 100 * float(np.abs(pace / true_seconds - 1).mean())
    return found


def by_means(of: Table, chains: np.ndarray, some: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return accuracy and seconds [N] of chains by the published formula of averages."""
    mean = of.right[:, some].mean(axis=1, keepdims=True)
    seconds = of.seconds[:, some].mean(axis=1, keepdims=True)
    accuracy, times = chained(mean, seconds, chains)
    return accuracy[:, 0], times[:, 0]


def _figures(of: Table, chains: np.ndarray, some: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return chained(of.right[:, some].astype(np.float32), of.seconds[:, some], chains)
