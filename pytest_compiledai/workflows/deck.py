"""What calls give when a workflow is replayed: stored samples, then a model of further ones.

A deck holds, for every replicate and query, the draws that the calls of one agent take. The first
draws are the stored samples of the query, each once and in balanced order, so that votes and
retries meet real answers. Draws beyond them follow a Pólya urn: the next one is right with chance
(a + right so far) / (a + b + draws so far), where the Beta(a, b) of the setting is fitted by
moments; a wrong one repeats a wrong answer as often as two wrong samples of a query agreed.
With one sample a query nothing says how far another would differ: it is taken to be the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pytest_compiledai.core.canonical import digest_of
from pytest_compiledai.workflows.moments import Beta
from pytest_compiledai.workflows.moments import beta
from pytest_compiledai.workflows.moments import ends
from pytest_compiledai.workflows.moments import moments
from pytest_compiledai.workflows.moments import right_and_drawn
from pytest_compiledai.workflows.profile import RIGHT
from pytest_compiledai.workflows.profile import Cell
from pytest_compiledai.workflows.profile import Floats
from pytest_compiledai.workflows.profile import Ints
from pytest_compiledai.workflows.profile import Profile

_UNKNOWN: Final = -2  # no row has this code, nor one below it
_ROOM: Final = 1_000_000_000  # codes for the draws of one deck


@dataclass(frozen=True, slots=True, kw_only=True)
class Deck:
    """Draws of one agent at one setting, on inputs in one state."""

    score: Floats  # [J, R, Q]
    answer: Ints  # [J, R, Q]
    seconds: Floats  # [J, R, Q]
    cost: Floats  # [J, R, Q]


class Decks:
    """The decks of a profile; equal profiles and seeds give equal draws, in any order of asking."""

    def __init__(
        self,
        profile: Profile,
        *,
        draws: Mapping[str, int],
        replicates: int,
        seed: int = 0,
        end: int | None = None,
    ) -> None:
        self.profile = profile
        self.draws = draws  # agent -> J, the most calls of it in one structure
        self.replicates = replicates
        self.seed = seed
        self.end = end  # which of the extreme shapes draws beyond the samples follow; None: a Beta
        self._known: dict[tuple[str, str, str], Deck | None] = {}
        self._rights = _right_answers(profile)

    def of(self, agent: str, setting: str, state: str) -> Deck | None:
        """Return a deck; None where no row says what the agent does on inputs in ``state``."""
        key = (agent, setting, state)
        if key not in self._known:
            cell = self.profile.cell(*key)
            self._known[key] = None if cell is None else self._dealt(key, cell)
        return self._known[key]

    def _dealt(self, key: tuple[str, str, str], cell: Cell) -> Deck:
        rng = np.random.default_rng(int(digest_of([self.seed, *key])[:16], 16))
        queries = len(self.profile.queries)
        rows = _balanced(cell, queries, self.draws[key[0]], self.replicates, rng)
        deck = Deck(
            score=cell.score[rows],
            answer=cell.answer[rows],
            seconds=cell.seconds[rows],
            cost=cell.cost[rows],
        )
        fresh = like_no_other([*key], deck.answer.shape)
        _Urn(cell, queries, rng, fresh, self.end).extend(deck)
        self._lend(deck, cell.counts(queries) == 0, fresh)
        return deck

    def _lend(self, deck: Deck, lacking: NDArray[np.bool_], fresh: Ints) -> None:
        """Give rows borrowed from other queries an answer of this query.

        A right one is this query's right answer, a wrong one is like no other.
        """
        if not lacking.any():
            return
        right = deck.score >= RIGHT
        lent = np.where(right, self._rights[None, None, :], fresh)
        deck.answer[:, :, lacking] = lent[:, :, lacking]


def like_no_other(key: list[str], shape: tuple[int, ...]) -> Ints:
    """Return codes of answers that nobody else gave, for the draws that ``key`` names."""
    start = _UNKNOWN - int(digest_of(key)[:8], 16) * _ROOM
    return start - np.arange(math.prod(shape)).reshape(shape)


def _right_answers(profile: Profile) -> Ints:
    """Return the commonest right answer of each query [Q]; a fresh code where none is known."""
    queries = len(profile.queries)
    found = np.full(queries, _UNKNOWN, dtype=np.int64)
    if not profile.cells:
        return found
    query = np.concatenate([cell.query for cell in profile.cells.values()])
    answer = np.concatenate([cell.answer for cell in profile.cells.values()])
    right = np.concatenate([cell.score >= RIGHT for cell in profile.cells.values()]) & (answer >= 0)
    pairs, counts = np.unique(np.stack([query[right], answer[right]]), axis=1, return_counts=True)
    for index in np.lexsort((-pairs[1], counts)):  # the commonest last; of ties the first code
        found[pairs[0, index]] = pairs[1, index]
    return found


def _balanced(
    cell: Cell, queries: int, draws: int, replicates: int, rng: np.random.Generator
) -> Ints:
    """Return row indices [J, R, Q]: the samples of a query in turn, all of them equally often.

    Blocks of as many replicates as there are samples share a random order and start it at another
    place each; queries without a row borrow any.
    """
    counts = cell.counts(queries)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    most = int(counts.max())
    turn = np.arange(replicates)[:, None] % np.maximum(counts, 1)  # [R, Q]
    block = np.arange(replicates)[:, None] // np.maximum(counts, 1)  # [R, Q]
    keys = rng.random((replicates, most, queries))  # one random order a block
    keys = np.take_along_axis(keys, block[:, None, :].repeat(most, axis=1), axis=0)
    keys[:, np.arange(most)[:, None] >= counts[None, :]] = math.inf
    order = np.argsort(keys, axis=1)  # [R, most, Q]
    place = (turn[None] + np.arange(draws)[:, None, None]) % np.maximum(counts, 1)  # [J, R, Q]
    rows = starts + np.take_along_axis(order[None], place[:, :, None, :], axis=2)[:, :, 0, :]
    borrowed = rng.integers(len(cell.query), size=rows.shape)
    return np.where(counts > 0, rows, borrowed)


class _Urn:
    """Draws beyond the stored samples of a query."""

    def __init__(
        self, cell: Cell, queries: int, rng: np.random.Generator, fresh: Ints, end: int | None
    ) -> None:
        self.rng = rng
        self.fresh = fresh
        right, self.counts = right_and_drawn(cell.score, cell.query, queries)
        found = moments(right, self.counts)
        self.beta = Beta(mean=0.0, weight=0.0) if found is None else beta(found)
        self.two = None if found is None or end is None else ends(found)[end]
        self.agreement = _agreement(cell, queries)

    def extend(self, deck: Deck) -> None:
        """Replace the draws of ``deck`` that only repeat stored samples."""
        if self.beta.weight <= 0:
            return  # every draw of a query is as the one before
        for draw in range(len(deck.score)):
            beyond = (self.counts > 0) & (self.counts <= draw)  # [Q]
            if beyond.any():
                self._draw(deck, draw, np.flatnonzero(beyond))

    def _draw(self, deck: Deck, draw: int, queries: Ints) -> None:
        before = deck.score[:draw, :, queries] >= RIGHT  # [draw, R, q]
        right = before.sum(axis=0)
        chance = self._chance(right, draw)
        hit = self.rng.random(chance.shape) < chance
        same = before == hit[None]  # earlier draws of this kind, one of which is repeated
        weight = np.where(same, self.rng.random(same.shape), -1.0)
        pick = weight.argmax(axis=0)
        has = weight.max(axis=0) >= 0
        for name in ("score", "answer", "seconds", "cost"):
            values = getattr(deck, name)
            taken = np.take_along_axis(values[:draw, :, queries], pick[None], axis=0)[0]
            values[draw][:, queries] = taken
        repeats = has & (hit | (self.rng.random(hit.shape) < self.agreement))
        new = self.fresh[draw][:, queries]
        deck.score[draw][:, queries] = np.where(
            has, deck.score[draw][:, queries], hit.astype(float)
        )
        deck.answer[draw][:, queries] = np.where(repeats, deck.answer[draw][:, queries], new)

    def _chance(self, right: Ints, draw: int) -> Floats:
        if self.two is not None:
            return self.two.next(right, draw)
        if math.isinf(self.beta.weight):
            return np.full(right.shape, self.beta.mean)
        a = self.beta.mean * self.beta.weight
        return np.asarray((a + right) / (self.beta.weight + draw), dtype=np.float64)


def _agreement(cell: Cell, queries: int) -> float:
    """Return how often two wrong samples of a query gave the same answer; 0 without such a pair."""
    wrong = cell.score < RIGHT
    query, answer = cell.query[wrong], cell.answer[wrong]
    if not len(query):
        return 0.0
    _, same = np.unique(np.stack([query, answer]), axis=1, return_counts=True)
    per_query = np.bincount(query, minlength=queries)
    pairs = float((per_query * (per_query - 1)).sum())
    return float((same * (same - 1)).sum()) / pairs if pairs else 0.0


def replicates_for(profile: Profile) -> int:
    """Return how many replicates a replay takes: one where each query has one sample."""
    if all(
        cell.counts(len(profile.queries)).max(initial=0) <= 1 for cell in profile.cells.values()
    ):
        return 1
    return 24  # a multiple of 2, 3, 4, 6, 8 and 12 samples: each is drawn equally often
