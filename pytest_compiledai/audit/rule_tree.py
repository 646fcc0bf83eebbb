"""The pilot for closed answers: a small decision tree over fields and words of the input.

It asks whether a short rule gives the logged answers. Sets of rows are integers whose bits are the
rows, so that counting is one machine operation for many rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from collections.abc import Sequence
from itertools import combinations
from typing import Final
from typing import NamedTuple

from pytest_compiledai.audit.example import Example
from pytest_compiledai.audit.value import Leaf

LABEL_CAP: Final = 60  # closed values that a short rule may tell apart
WORDS_CAP: Final = 300  # words that are asked for, the commonest
LEAVES: Final = 48  # of a tree, at most; and four a label
_CUTS: Final = 48  # thresholds tried on a number
_COMPARED: Final = 6  # numbers that are compared with one another
_VALUES: Final = 24  # values of a field that are asked for

Labels = Sequence[Leaf]


class Fork(NamedTuple):
    """A question of a tree, and what follows from yes and no."""

    question: str
    mask: int  # the rows for which the answer is yes
    yes: Fork | Verdict
    no: Fork | Verdict


class Verdict(NamedTuple):
    """What a leaf of a tree answers."""

    label: Leaf


Tree = Fork | Verdict


def questions(examples: Sequence[Example], fit: int) -> dict[str, int]:
    """Return yes-no questions about inputs -> the rows that say yes; found in the rows ``fit``."""
    return _word_questions(examples, fit) | _field_questions(examples, fit)


def grow(asked: Mapping[str, int], labels: Labels, fit: int) -> Tree | None:
    """Return a tree for ``labels`` grown on the rows ``fit``; None where labels are not closed."""
    masks = label_masks(labels, fit)
    if not 0 < len(masks) <= LABEL_CAP:
        return None
    budget = min(LEAVES, 4 * len(masks) + 2)
    tree, _ = _grow(asked, masks, fit, budget)
    return tree


def label_masks(labels: Labels, fit: int) -> dict[Leaf, int]:
    """Return label -> rows of ``fit`` that have it."""
    masks: dict[Leaf, int] = {}
    for row, label in enumerate(labels):
        if fit >> row & 1:
            masks[label] = masks.get(label, 0) | 1 << row
    return masks


def answer(tree: Tree, row: int) -> Leaf:
    """Return what a tree says of a row."""
    while isinstance(tree, Fork):
        tree = tree.yes if tree.mask >> row & 1 else tree.no
    return tree.label


def depth_of(tree: Tree) -> int:
    """Return how many verdicts a tree has."""
    return depth_of(tree.yes) + depth_of(tree.no) if isinstance(tree, Fork) else 1


def _grow(
    asked: Mapping[str, int], masks: Mapping[Leaf, int], rows: int, budget: int
) -> tuple[Tree, int]:
    """Return the tree of the rows ``rows`` and the verdicts it took of ``budget``."""
    inside = {label: mask & rows for label, mask in masks.items() if mask & rows}
    label = max(inside, key=lambda each: (inside[each].bit_count(), repr(each)))
    if len(inside) == 1 or budget < 2:  # noqa: PLR2004 - a fork has two ends
        return Verdict(label), 1
    question = _best(asked, inside, rows)
    if question is None:
        return Verdict(label), 1
    mask = asked[question]
    # The purer side is grown first: it needs fewer verdicts, the rest goes to the other one.
    sides = [(rows & mask, True), (rows & ~mask, False)]
    sides.sort(key=lambda side: _impurity(inside, side[0]))
    first, used = _grow(asked, inside, sides[0][0], budget - 1)
    second, more = _grow(asked, inside, sides[1][0], budget - used)
    yes, no = (first, second) if sides[0][1] else (second, first)
    return Fork(question, mask, yes, no), used + more


def _best(asked: Mapping[str, int], inside: Mapping[Leaf, int], rows: int) -> str | None:
    total = rows.bit_count()
    squares = sum(mask.bit_count() ** 2 for mask in inside.values())
    best, most = None, squares / total + 0.5  # a question must explain more than half a row
    for question, mask in asked.items():
        hits = mask & rows
        yes = hits.bit_count()
        if not 0 < yes < total:
            continue
        kept = other = 0
        for label in inside.values():
            count = (label & hits).bit_count()
            kept += count * count
            other += (label.bit_count() - count) ** 2
        gain = kept / yes + other / (total - yes)
        if gain > most:
            best, most = question, gain
    return best


def _impurity(inside: Mapping[Leaf, int], rows: int) -> float:
    total = rows.bit_count()
    return 1 - max(((mask & rows).bit_count() for mask in inside.values()), default=0) / max(
        total, 1
    )


def _word_questions(examples: Sequence[Example], fit: int) -> dict[str, int]:
    masks: dict[str, int] = {}
    for row, example in enumerate(examples):
        for word in set(example.words):
            masks[word] = masks.get(word, 0) | 1 << row
    total = fit.bit_count()
    counted = [(-(mask & fit).bit_count(), word) for word, mask in masks.items()]
    usable = sorted(pair for pair in counted if 2 <= -pair[0] <= total - 2)  # noqa: PLR2004
    return {f"has {word}": masks[word] for _, word in usable[:WORDS_CAP]}


def _field_questions(examples: Sequence[Example], fit: int) -> dict[str, int]:
    found: dict[str, int] = {}
    values: dict[str, Counter[Leaf]] = {}
    for row, example in enumerate(examples):
        if fit >> row & 1:
            for name, leaf in example.fields.items():
                values.setdefault(name, Counter())[leaf] += 1
    for name in sorted(values):
        common = [leaf for leaf, count in values[name].most_common(_VALUES) if count > 1]
        for leaf in common:
            found[f"{name} is {leaf}"] = _rows(
                examples, lambda e, n=name, v=leaf: n in e.fields and same(e.fields[n], v)
            )
        if any(name not in e.fields for e in examples):
            found[f"has a {name}"] = _rows(examples, lambda e, n=name: n in e.fields)
    numbers = sorted({name for example in examples for name in example.numbers})
    for one, two in combinations(numbers[:_COMPARED], 2):
        found[f"{one} > {two}"] = _rows(
            examples,
            lambda e, n=one, m=two: (
                n in e.numbers and m in e.numbers and e.numbers[n] > e.numbers[m]
            ),
        )
    for name in numbers:
        for cut in _thresholds(examples, fit, name):
            found[f"{name} > {cut:g}"] = _rows(
                examples, lambda e, n=name, c=cut: n in e.numbers and e.numbers[n] > c
            )
    return found


def same(one: Leaf, other: Leaf) -> bool:
    """Return whether two leaves are equal JSON: true is not 1."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _rows(examples: Sequence[Example], holds: object) -> int:
    mask = 0
    for row, example in enumerate(examples):
        if holds(example):  # type: ignore[operator]
            mask |= 1 << row
    return mask


def _thresholds(examples: Sequence[Example], fit: int, name: str) -> list[float]:
    """Return values of a number between which few rows lie."""
    seen = sorted(
        {e.numbers[name] for row, e in enumerate(examples) if fit >> row & 1 and name in e.numbers}
    )
    step = max(1, len(seen) // _CUTS)
    return [(low + high) / 2 for low, high in zip(seen[::step], seen[step::step], strict=False)][
        : 2 * _CUTS
    ]
