"""Branch consistency: whether users' words in the data say which edge was taken.

A small classifier is fitted to user turn -> intent at each node, on half of the turns, and asked
about the other half. Data whose user turns were written without knowing their edge cannot
beat chance, and no network could learn a branch from it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Final
from typing import NamedTuple

from pytest_compiledai.core.interval import Interval
from pytest_compiledai.core.interval import wilson
from pytest_compiledai.dialogues.weights.examples import Example

#: Share of branch turns that the classifier has to get right.
LEAST: Final = 0.95
#: Branch turns below which nothing can be said.
LEAST_TURNS: Final = 40
_ROUNDS: Final = 4
_DIGITS: Final = re.compile(r"\d")
_WORD: Final = re.compile(r"[^\W_]+|#+")


class Consistency(NamedTuple):
    """How well words tell the branch."""

    right: int
    turns: int  # at nodes with more than one intent, in the half that was not fitted

    @property
    def share(self) -> float:
        """The share that is right; 0 where there are no turns."""
        return self.right / self.turns if self.turns else 0.0

    @property
    def interval(self) -> Interval:
        """The Wilson interval of the share at 95 %."""
        return wilson(self.right, self.turns)


def consistency(data: Sequence[Example]) -> Consistency:
    """Return how well a linear classifier of words and letters tells the intent.

    Both halves are asked about, each by the classifier that was fitted to the other.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for example in data:
        if example.intent:
            found[example.node].add(example.intent)
    legal = {node: sorted(intents) for node, intents in found.items() if len(intents) > 1}
    rows = [_Row(e.intent, legal[e.node], _features(e.user)) for e in data if e.node in legal]
    rows = [row for row in rows if row.intent]
    halves = (rows[::2], rows[1::2])
    right = 0
    for fitted, asked in (halves, halves[::-1]):
        weights = _fitted(fitted)
        right += sum(_best(weights, row) == row.intent for row in asked)
    return Consistency(right, len(rows))


class _Row(NamedTuple):
    """A user turn at a node with more than one intent."""

    intent: str
    legal: Sequence[str]  # the intents of the node, sorted
    features: Sequence[str]


def _fitted(rows: Sequence[_Row]) -> dict[str, dict[str, float]]:
    """Return one averaged perceptron for all nodes, which compares the intents of a node only.

    Source: Y. Freund and R. E. Schapire, "Large margin classification using the perceptron
    algorithm", Machine Learning 37 (1999) 277-296; the average of all weights instead of the vote.
    """
    names = sorted({name for row in rows for name in row.legal})
    now: dict[str, dict[str, float]] = {name: {} for name in names}
    late: dict[str, dict[str, float]] = {name: {} for name in names}  # changes by their time
    time = 1
    for _ in range(_ROUNDS):
        for row in rows:
            guess = _best(now, row)
            if guess != row.intent:
                for feature in row.features:
                    for name, change in ((row.intent, 1.0), (guess, -1.0)):
                        now[name][feature] = now[name].get(feature, 0.0) + change
                        late[name][feature] = late[name].get(feature, 0.0) + change * time
            time += 1
    return {
        name: {feature: value - late[name][feature] / time for feature, value in weights.items()}
        for name, weights in now.items()
    }


def _best(weights: dict[str, dict[str, float]], row: _Row) -> str:
    """Return the likeliest intent of the node; of equal ones the first by name."""
    return max(
        row.legal, key=lambda name: sum(weights.get(name, {}).get(f, 0.0) for f in row.features)
    )


def _features(text: str) -> list[str]:
    """Return words, pairs of words and letter triples, digits as `#`, each once."""
    words = _WORD.findall(_DIGITS.sub("#", text.casefold()))
    found = [*words, *(f"{one} {two}" for one, two in pairwise(words))]
    for word in words:
        padded = f"<{word}>"
        found += (padded[i : i + 3] for i in range(len(padded) - 2))
    return list(dict.fromkeys(found))
