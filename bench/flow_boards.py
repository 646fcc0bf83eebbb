"""Retries, trials and programs that others measured end to end, against formulas.

Read by path from `shared/data/flow`: Aider's leaderboards (Apache-2.0), tau-bench (MIT), LangProBe
(MIT), RouteLLM (Apache-2.0). They are aggregated or small, so each asks one question.
"""

from __future__ import annotations

import csv
import gzip
from itertools import combinations
from typing import Any

import numpy as np
import yaml

from bench.flow_spaces import DATA
from pytest_compiledai.workflows.moments import beta
from pytest_compiledai.workflows.moments import moments


def boards() -> dict[str, Any]:
    """Return each board's figures; empty where its file is not beside the checkout."""
    found: dict[str, Any] = {}
    for name, ask in (
        ("retry after test feedback (Aider), points", retries),
        ("tries of 50 tasks (tau-bench), points", trials),
        ("critic programs against one call (LangProBe)", programs),
        ("one right of two models (RouteLLM), points", pairs),
    ):
        try:
            found[name] = ask()
        except FileNotFoundError:
            print(f"{name}: not beside the checkout; skipped")
    return found


def retries() -> dict[str, Any]:
    """Return the error of pass 2 from pass 1: the published formula, and one slope left one out."""
    found = {}
    for board in ("polyglot", "edit"):
        path = DATA / "aider_leaderboards" / f"{board}_leaderboard.yml"
        rows = yaml.safe_load(path.read_text(encoding="utf-8"))
        kept = [(r["pass_rate_1"], r["pass_rate_2"]) for r in rows if r.get("pass_rate_2")]
        p, after = np.array([k for k in kept if k[0] is not None], dtype=float).T / 100
        fixed = (after - p) / (1 - p)
        published = p + (1 - p) * p - after
        ours = []
        for left in range(len(p)):
            rest = np.arange(len(p)) != left
            slope, base = np.polyfit(p[rest], fixed[rest], 1)
            ours.append(p[left] + (1 - p[left]) * (base + slope * p[left]) - after[left])
        found[board] = {
            "models": len(p),
            "published": 100 * float(np.abs(published).mean()),
            "published bias": 100 * float(published.mean()),
            "a fitted fix": 100 * float(np.abs(ours).mean()),
        }
    return found


def trials() -> dict[str, Any]:
    """Return the error of one right of 4, and of all 4 right, from two trials a task."""
    with (DATA / "tau_bench" / "trials.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    right = np.zeros((len({row["task_id"] for row in rows}), 4))
    for row in rows:
        right[int(row["task_id"]), int(row["trial"])] = float(row["reward"])
    any_true, all_true = right.any(axis=1).mean(), right.all(axis=1).mean()
    errors: dict[str, list[tuple[float, float]]] = {"published": [], "per query": []}
    for pair in combinations(range(4), 2):
        two = right[:, pair].sum(axis=1).astype(int)
        found = moments(two, np.full(len(two), 2))
        assert found is not None
        fit, mirrored = beta(found), beta(type(found)(1 - found.m1, 1 - 2 * found.m1 + found.m2))
        errors["per query"].append((fit.any_of(4) - any_true, 1 - mirrored.any_of(4) - all_true))
        m = found.m1
        errors["published"].append((1 - (1 - m) ** 4 - any_true, m**4 - all_true))
    return {
        method: dict(zip(("one of 4", "all 4"), 100 * np.abs(values).mean(axis=0), strict=True))
        for method, values in errors.items()
    }


def programs() -> dict[str, Any]:
    """Return in how many cells a program with a critic is worse than one call.

    The published formula can only predict gains for alternatives, so each is one it cannot see.
    There are no rows per question, so our own prediction cannot be made and none is printed.
    """
    found = {}
    for program in ("GeneratorCriticRanker", "GeneratorCriticFuser"):
        gains = []
        for path in sorted((DATA / "langprobe").glob("*.csv")):
            with path.open(encoding="utf-8", newline="") as file:
                rows = [
                    r for r in csv.DictReader(file) if r["optimizer"] in ("Baseline", "None", "")
                ]
            scores = {(r["benchmark"], r["program"]): float(r["score"]) for r in rows}
            gains += [
                score - scores[bench, "CoT"]
                for (bench, name), score in scores.items()
                if name == program and (bench, "CoT") in scores
            ]
        found[program] = {
            "cells": len(gains),
            "worse": int(sum(gain < 0 for gain in gains)),
            "mean gain": float(np.mean(gains)),
        }
    return found


def pairs() -> dict[str, Any]:
    """Return the error of one right of two models, profile half against test half, ten splits."""
    found = {}
    for name in ("mmlu", "gsm8k"):
        with gzip.open(DATA / "routellm_evals" / f"{name}_correct.csv.gz", "rt") as file:
            rows = list(csv.DictReader(file))
        columns = [c for c in rows[0] if {r[c] for r in rows} <= {"0", "1", "True", "False"}]
        right = np.array([[r[c] in ("1", "True") for c in columns[-2:]] for r in rows]).T
        errors = []
        for split in range(10):
            order = np.random.default_rng(split).permutation(right.shape[1])
            a, b = right[:, order[: len(order) // 2]], right[:, order[len(order) // 2 :]]
            truth = b.any(axis=0).mean()
            means = a.mean(axis=1)
            errors.append((1 - np.prod(1 - means) - truth, a.any(axis=0).mean() - truth))
        published, ours = 100 * np.abs(errors).mean(axis=0)
        found[name] = {"published": float(published), "per query": float(ours)}
    return found
