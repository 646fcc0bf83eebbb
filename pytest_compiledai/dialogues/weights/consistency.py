"""Branch consistency: whether users' words in the data say which edge was taken.

A small classifier is fitted to user turn -> intent at each node, on half of the conversations, and
asked about the other half. Data whose user turns were written without knowing their edge cannot
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
from pytest_compiledai.dialogues.weights.grammar import Conversation

#: Share of branch turns that the classifier has to get right.
LEAST: Final = 0.95
#: Branch turns below which nothing can be said.
LEAST_TURNS: Final = 40
_ROUNDS: Final = 5
_MOST: Final = 1500  # turns of a node that are fitted
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


def consistency(data: Sequence[Conversation]) -> Consistency:
    """Return how well a linear classifier of words and letters tells the intent.

    Both halves are asked about, each by the classifier that was fitted to the other.
    """
    met: dict[str, set[str]] = defaultdict(set)
    for conversation in data:
        for turn in conversation:
            met[turn.node].add(turn.intent)
    halves = (data[::2], data[1::2])
    right = turns = 0
    for fitted, asked in (halves, halves[::-1]):
        fit = _Perceptron(fitted)
        for conversation in asked:
            for turn in conversation:
                if turn.user and len(met[turn.node]) > 1:
                    turns += 1
                    right += fit.told(turn.node, turn.user) == turn.intent
    return Consistency(right, turns)


class _Perceptron:
    """One averaged multiclass perceptron a node.

    Source: Y. Freund and R. E. Schapire, "Large margin classification using the perceptron
    algorithm", Machine Learning 37 (1999) 277-296; the average of all weights instead of the vote.
    """

    def __init__(self, data: Sequence[Conversation]) -> None:
        self.weights: dict[str, dict[str, dict[str, float]]] = {}  # node -> intent -> feature
        turns: dict[str, list[tuple[str, list[str]]]] = defaultdict(list)
        for conversation in data:
            for turn in conversation:
                if turn.user:
                    turns[turn.node].append((turn.intent, _features(turn.user)))
        for node, rows in turns.items():
            self.weights[node] = _fitted(rows[:_MOST])

    def told(self, node: str, text: str) -> str:
        """Return the likeliest intent; of equal ones the first by name."""
        return _best(self.weights.get(node, {"": {}}), _features(text))


def _fitted(rows: Sequence[tuple[str, list[str]]]) -> dict[str, dict[str, float]]:
    now: dict[str, dict[str, float]] = {intent: {} for intent in sorted({i for i, _ in rows})}
    late: dict[str, dict[str, float]] = {intent: {} for intent in now}  # changes by their time
    time = 1
    for _ in range(_ROUNDS):
        for intent, features in rows:
            guess = _best(now, features)
            if guess != intent:
                for feature in features:
                    for name, change in ((intent, 1.0), (guess, -1.0)):
                        now[name][feature] = now[name].get(feature, 0.0) + change
                        late[name][feature] = late[name].get(feature, 0.0) + change * time
            time += 1
    return {
        name: {feature: value - late[name][feature] / time for feature, value in weights.items()}
        for name, weights in now.items()
    }


def _best(weights: dict[str, dict[str, float]], features: Sequence[str]) -> str:
    return max(weights, key=lambda name: sum(weights[name].get(f, 0.0) for f in features))


def _features(text: str) -> list[str]:
    """Return words, pairs of words and letter triples, digits as `#`, each once."""
    words = _WORD.findall(_DIGITS.sub("#", text.casefold()))
    found = [*words, *(f"{one} {two}" for one, two in pairwise(words))]
    for word in words:
        padded = f"<{word}>"
        found += (padded[i : i + 3] for i in range(len(padded) - 2))
    return list(dict.fromkeys(found))
