"""The state machine of a site's conversations, mined from what the model said and did.

A state is a tool's name, or a cluster of answers that share most of their words, slot values aside.
Transitions are learned from one half of the conversations; the other half says how closed the
machine is, and whether the next state follows from the state and the words that were heard.
"""

from __future__ import annotations

import math
from collections import Counter
from collections import defaultdict
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from pytest_compiledai.audit.call import printable
from pytest_compiledai.audit.conversation import Turn
from pytest_compiledai.audit.example import WORD
from pytest_compiledai.audit.learner import Learner
from pytest_compiledai.audit.learner import word_signs
from pytest_compiledai.llm.redact import redact

START: Final = "start"
STATE_CAP: Final = 400  # clusters that are told apart
_ALIKE: Final = 0.5  # share of words in common (Jaccard) that makes two answers one state
_SOME: Final = 0.2  # the same for two states that stand in the same place
_PLACE: Final = 0.7  # cosine of what comes before and after, for two states in the same place
_MERGED: Final = 150  # states that are compared with one another
_OWN: Final = 0.4  # share of an answer's words that must be common, for it to be in a state
_RARE: Final = 0.01  # share of conversations below which a word is a slot's value
_SUPPORT: Final = 3  # conversations of a state; a rarer one is no state
_WORDS: Final = 60  # of an answer that are looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A mined machine and how well it explains the conversations that it was not mined from."""

    states: tuple[str, ...]
    transitions: Mapping[tuple[str, str], int]  # from, to -> how often, over all conversations
    conversations: int
    turns: int
    tested: int  # conversations
    explained: int  # of those, all of whose transitions were known
    steps: int  # of tested conversations
    steps_right: int  # whose next state follows from the state and the words heard


def mine(conversations: Mapping[int, Sequence[Turn]]) -> Machine:
    """Return the machine of the conversations, by their hash learned from or tested on."""
    ordered = [(key, conversations[key]) for key in sorted(conversations)]
    names = _states([turns for _, turns in ordered])
    walks = [(key, [(turn, names(turn)) for turn in turns]) for key, turns in ordered]
    wordings = _same_place([walk for _, walk in walks], names)
    walks = [
        (key, [(turn, wordings.get(name, name)) for turn, name in walk]) for key, walk in walks
    ]
    learned = [walk for key, walk in walks if key % 2 == 0]
    tested = [walk for key, walk in walks if key % 2 == 1]
    known = _transitions(learned)
    right, steps = _follow(learned, tested)
    return Machine(
        states=tuple(sorted({name for _, walk in walks for _, name in walk if name})),
        transitions=dict(sorted(_transitions([walk for _, walk in walks]).items())),
        conversations=len(ordered),
        turns=sum(len(turns) for _, turns in ordered),
        tested=len(tested),
        explained=sum(all(pair in known for pair in _pairs(walk)) for walk in tested),
        steps=steps,
        steps_right=right,
    )


Walk = Sequence[tuple[Turn, str]]  # a state's name is empty where an answer belongs to none


def _pairs(walk: Walk) -> list[tuple[str, str]]:
    names = [START, *(name for _, name in walk)]
    return list(pairwise(names))


def _transitions(walks: Sequence[Walk]) -> Counter[tuple[str, str]]:
    return Counter(pair for walk in walks for pair in _pairs(walk) if all(pair))


def _follow(learned: Sequence[Walk], tested: Sequence[Walk]) -> tuple[int, int]:
    """Return how many steps of the tested walks follow, and how many there are."""
    heard: defaultdict[str, list[set[str]]] = defaultdict(list)
    nexts: defaultdict[str, list[str]] = defaultdict(list)
    for walk in learned:
        for (before, after), (turn, _) in zip(_pairs(walk), walk, strict=True):
            heard[before].append(word_signs(_words(turn.heard)))
            nexts[before].append(after)
    learners = {state: Learner(heard[state], nexts[state]) for state in heard}
    right = steps = 0
    for walk in tested:
        for (before, after), (turn, _) in zip(_pairs(walk), walk, strict=True):
            steps += 1
            learner = learners.get(before)
            said = learner.answer(word_signs(_words(turn.heard))) if learner and after else None
            right += bool(after) and said == after
    return right, steps


def _same_place(walks: Sequence[Walk], names: _Names) -> dict[str, str]:
    """Return state -> the state that it is another wording of.

    Two wordings of one act stand in the same place: they come after the same states and before the
    same ones, and they share some of their words.
    """
    around: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for (before, after), count in _transitions(walks).items():
        around[before][f"to {after}"] += count
        around[after][f"from {before}"] += count
    words = names.words()
    ranked = sorted(words, key=lambda name: (-around[name].total(), name))
    found: dict[str, str] = {}
    for at, name in enumerate(ranked[:_MERGED]):
        for other in ranked[:at]:
            if other in found:
                continue
            shared = len(words[name] & words[other]) / (len(words[name] | words[other]) or 1)
            if shared >= _SOME and _cosine(around[name], around[other]) >= _PLACE:
                found[name] = other
                break
    return found


def _cosine(one: Counter[str], other: Counter[str]) -> float:
    product = sum(count * other[key] for key, count in one.items())
    lengths = sum(n * n for n in one.values()) * sum(n * n for n in other.values())
    return float(product / math.sqrt(lengths)) if lengths else 0.0


class _Names:
    """Gives each turn its state's name."""

    def __init__(self, clusters: Mapping[frozenset[str], str], common: frozenset[str]) -> None:
        self.clusters = clusters
        self.common = common

    def words(self) -> dict[str, frozenset[str]]:
        """Return the words of each state that is said, those of its commonest answer."""
        found: dict[str, frozenset[str]] = {}
        for signature, name in self.clusters.items():
            found.setdefault(name, signature)
        return found

    def __call__(self, turn: Turn) -> str:
        if turn.tools:
            return f"calls {printable(' and '.join(turn.tools), 60)}"
        return self.clusters.get(_signature(turn.said, self.common), "")


def _states(conversations: Sequence[Sequence[Turn]]) -> _Names:
    counts: Counter[str] = Counter()
    for turns in conversations:
        counts.update({word for turn in turns if not turn.tools for word in _words(turn.said)})
    least = max(_SUPPORT, _RARE * len(conversations))
    common = frozenset(word for word, count in counts.items() if count >= least)
    samples: dict[frozenset[str], str] = {}
    found: Counter[frozenset[str]] = Counter()
    for turns in conversations:
        for turn in turns:
            if not turn.tools:
                signature = _signature(turn.said, common)
                found[signature] += 1
                samples.setdefault(signature, turn.said)
    return _Names(_cluster(found, samples), common)


def _cluster(
    found: Counter[frozenset[str]], samples: Mapping[frozenset[str], str]
) -> dict[frozenset[str], str]:
    """Return signature -> name of its cluster; those of clusters too small are left out."""
    leaders: list[frozenset[str]] = []
    index: defaultdict[str, list[int]] = defaultdict(list)
    members: defaultdict[int, list[frozenset[str]]] = defaultdict(list)
    del found[frozenset()]  # what has too few common words is no state
    for signature in sorted(found, key=lambda each: (-found[each], sorted(each))):
        number = _leader(signature, leaders, index)
        if number is None and len(leaders) < STATE_CAP:
            number = len(leaders)
            leaders.append(signature)
            for word in signature:
                index[word].append(number)
        if number is not None:
            members[number].append(signature)
    return {
        signature: f"{number + 1}: {printable(redact(samples[leaders[number]]), 48)}"
        for number, each in members.items()
        if sum(found[signature] for signature in each) >= _SUPPORT
        for signature in each
    }


def _leader(
    signature: frozenset[str], leaders: Sequence[frozenset[str]], index: Mapping[str, list[int]]
) -> int | None:
    shared: Counter[int] = Counter()
    for word in signature:
        shared.update(index.get(word, ()))
    best = max(
        ((count / len(signature | leaders[number]), -number) for number, count in shared.items()),
        default=(0.0, 0),
    )
    return -best[1] if best[0] >= _ALIKE else None


def _signature(text: str, common: frozenset[str]) -> frozenset[str]:
    """Return the common words of an answer; none of one that is mostly its own words."""
    words = set(_words(text)[:_WORDS])
    shared = words & common
    return frozenset(shared) if len(shared) >= _OWN * len(words) else frozenset()


def _words(text: str) -> list[str]:
    return [word.lower() for word in WORD.findall(text)]
