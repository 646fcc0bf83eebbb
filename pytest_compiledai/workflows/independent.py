"""Passes over what steps of a sequence read: what nobody reads goes, what need not wait does not.

Both keep every answer, call by call, and take no more time or money; so they take the place of
what they rewrite. How many calls run side by side is for the replay and the plan's `width`.
"""

from __future__ import annotations

from collections.abc import Callable

from pytest_compiledai.workflows import graph
from pytest_compiledai.workflows.common import hoisted
from pytest_compiledai.workflows.graph import Sequence
from pytest_compiledai.workflows.graph import Step


def unread(step: Sequence) -> set[int]:
    """Return the places of steps from which nothing leads to the last one."""
    fed = step.fed()
    useful, new = set[int](), {len(fed) - 1}
    while new:
        useful |= new
        new = {place for reader in new for place in fed[reader]} - useful
    return set(range(len(fed))) - useful


def without_dead(step: Step) -> Step:
    """Return ``step`` without the steps of sequences whose results reach no answer."""
    return _everywhere(step, _without_unread)


def side_by_side(step: Step) -> Step:
    """Return ``step`` in which steps of a sequence that do not read each other form a join.

    A sequence stays as it is where no tree of sequences and joins says what reads what.
    """
    return _everywhere(step, _as_tree)


def _everywhere(step: Step, rewrite: Callable[[Sequence], Step]) -> Step:
    """Return ``step`` with every sequence in it rewritten, the innermost first."""
    inside = [_everywhere(part, rewrite) for part in graph.parts(step)]
    new = graph.rebuilt(step, inside)
    return rewrite(new) if isinstance(new, Sequence) else new


def _without_unread(step: Sequence) -> Step:
    dead = unread(step)
    if not dead:
        return step
    kept = [place for place in range(len(step.steps)) if place not in dead]
    new = {place: number for number, place in enumerate(kept)}
    if len(kept) == 1:
        return step.steps[kept[0]]
    fed = step.fed()
    reads = tuple(tuple(new[place] for place in fed[old]) for old in kept)
    return graph.reading(tuple(step.steps[place] for place in kept), reads)


def _as_tree(step: Sequence) -> Step:
    """Return the tree that gives the last result, from what it reads back to the start.

    A step that two others read stands in both branches at first; where it cannot be taken out in
    front of them, no tree says the sequence.
    """
    if not step.reads or unread(step):
        return step
    trees: list[Step] = []  # by place; of calls that stand for the steps
    for place, reads in enumerate(step.fed()):
        before = [trees[read] for read in reads]
        joined = [hoisted(graph.Join(tuple(before)))] if len(before) > 1 else before
        tree = graph.chained(*joined, graph.Call(str(place), str(place)))
        found = [call.slot for call in graph.calls(tree)]
        if len(set(found)) < len(found):
            return step
        trees.append(tree)
    return _filled(trees[-1], step.steps)


def _filled(tree: Step, steps: tuple[Step, ...]) -> Step:
    """Return ``tree`` with the steps for which its calls stand."""
    if isinstance(tree, graph.Call):
        return steps[int(tree.agent)]
    return graph.rebuilt(tree, [_filled(part, steps) for part in graph.parts(tree)])
