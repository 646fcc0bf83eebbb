"""Spaces of real configurations whose truth is known: votes and cascades of stored answers.

Read by path from `shared/data/flow` beside the checkout; nothing of it is copied. The answers are
those of ZeroEval (Apache-2.0). Latency is modelled: the characters a model wrote stand for seconds.
"""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bench import flow_published as published

DATA = Path(__file__).parents[1].parent / "shared" / "data" / "flow"


@dataclass(frozen=True)
class Answers:
    """What models answered to the same questions."""

    models: tuple[str, ...]
    code: np.ndarray  # [M, Q] equal answers have equal codes; -1: none
    right: np.ndarray  # [M, Q]
    seconds: np.ndarray  # [M, Q]

    def half(self, queries: np.ndarray) -> Answers:
        """Return the answers to some of the questions."""
        return Answers(
            self.models, self.code[:, queries], self.right[:, queries], self.seconds[:, queries]
        )


class Group(NamedTuple):
    """Configurations of one form: `vote`, or `cascade` of two that agree, else the third."""

    form: str
    members: np.ndarray  # [N, n]


class Figures(NamedTuple):
    """What configurations reach: per query and on average."""

    per_query: np.ndarray  # [N, Q]
    seconds: np.ndarray  # [N]


def available() -> bool:
    """Return whether the answers are beside the checkout."""
    return (DATA / "zeroeval" / "zeroeval_answers.csv.gz").exists()


@cache
def answers(dataset: str) -> Answers:
    """Return the answers of all models that answered every question of ``dataset``."""
    rows: dict[str, dict[str, tuple[str, int, int]]] = {}
    path = DATA / "zeroeval" / "zeroeval_answers.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["dataset"] == dataset:
                of = rows.setdefault(row["model"], {})
                of[row["item_id"]] = (
                    row["answer_norm"],
                    int(row["correct"]),
                    int(row["output_chars"]),
                )
    items = sorted({item for of in rows.values() for item in of})
    models = tuple(sorted(model for model, of in rows.items() if len(of) == len(items)))
    texts = {
        text: n for n, text in enumerate(sorted({r[0] for m in models for r in rows[m].values()}))
    }
    get = np.array(
        [
            [(texts[r[0]] if r[0] else -1, r[1], r[2]) for r in (rows[m][i] for i in items)]
            for m in models
        ]
    )
    return Answers(models, get[..., 0], get[..., 1].astype(bool), get[..., 2] / 1000)


def subsets(count: int, size: int, most: int, seed: int) -> np.ndarray:
    """Return all subsets of ``size`` of ``count``, or ``most`` of them drawn without repetition."""
    import itertools
    import math

    if math.comb(count, size) <= most:
        return np.array(list(itertools.combinations(range(count), size)))
    rng = np.random.default_rng(seed)
    found: set[tuple[int, ...]] = set()
    while len(found) < most:
        found.add(tuple(sorted(rng.choice(count, size, replace=False).tolist())))
    return np.array(sorted(found))


def space(name: str, models: int) -> list[Group]:
    """Return the configurations of a space over so many models."""
    if name == "3-vote":
        return [Group("vote", subsets(models, 3, 10**6, 0))]
    if name == "5-vote":
        return [Group("vote", subsets(models, 5, 8000, 1))]
    triples = subsets(models, 3, 5000, 2)
    return [
        Group("vote", np.arange(models)[:, None]),
        Group("vote", subsets(models, 3, 6000, 3)),
        Group("vote", subsets(models, 5, 5000, 4)),
        Group("cascade", triples),
    ]


def ordered(groups: list[Group], accuracy: np.ndarray) -> list[Group]:
    """Return the groups with members by falling accuracy on the profile half: ties go to the first.

    A cascade asks its two weaker members first.
    """
    found = []
    for group in groups:
        key = -accuracy[group.members] if group.form == "vote" else accuracy[group.members]
        order = np.argsort(key, axis=1, kind="stable")
        found.append(Group(group.form, np.take_along_axis(group.members, order, axis=1)))
    return found


def replayed(groups: list[Group], of: Answers) -> Figures:
    """Return what the configurations give on the questions of ``of``: per query, then averaged."""
    parts = [_replayed(group, of) for group in groups]
    return Figures(
        np.concatenate([part.per_query for part in parts]),
        np.concatenate([part.seconds for part in parts]),
    )


def _replayed(group: Group, of: Answers, block: int = 2000) -> Figures:
    right, seconds = [], []
    for start in range(0, len(group.members), block):
        members = group.members[start : start + block]
        code, ok = of.code[members], of.right[members]  # [N, n, Q]
        if group.form == "cascade":
            agree = (code[:, 0] == code[:, 1]) & (code[:, 0] >= 0)
            right.append(np.where(agree, ok[:, 0], ok[:, 2]))
            times = of.seconds[members]
            seconds.append((times[:, 0] + times[:, 1] + ~agree * times[:, 2]).mean(axis=1))
            continue
        votes = np.stack(
            [(code == code[:, [i]]).sum(axis=1) for i in range(members.shape[1])], axis=1
        )
        votes[code < 0] = 0
        winner = votes.argmax(axis=1)[:, None]
        right.append(np.take_along_axis(ok, winner, axis=1)[:, 0])
        seconds.append(of.seconds[members].sum(axis=1).mean(axis=1))
    return Figures(np.concatenate(right).astype(float), np.concatenate(seconds))


def by_means(groups: list[Group], of: Answers, rule: str) -> np.ndarray:
    """Return accuracies [N] by a formula of means: `published` or `independent` votes."""
    mean = of.right.mean(axis=1)
    found = []
    for group in groups:
        p = mean[group.members]
        if group.form == "cascade":
            # Two that agree are right as often as one of them; a mean is all the formula knows.
            both = p[:, 0] * p[:, 1]
            accepted = both + (1 - p[:, 0]) * (1 - p[:, 1])
            first = published.any_right(p[:, :2]) if rule == "published" else both / accepted
            found.append(published.cascade(first, accepted, p[:, 2]))
        elif rule == "published":
            found.append(published.any_right(p))
        else:
            found.append(published.majority(p))
    return np.concatenate(found)
