"""The pass that makes equal calls on equal inputs one call.

Only below a join, whose branches all start from the same input and all have to be right. Branches
of a vote, of a judge, of a cascade and of a loop are draws that are meant to differ: they stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.workflows import graph
from pytest_compiledai.workflows.graph import Call
from pytest_compiledai.workflows.graph import Join
from pytest_compiledai.workflows.graph import Step


def twins(agents: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return for each agent the first by name that is described in the same words.

    ``agents`` as the artifact has them: prompt, models, budgets, temperature, endpoint.
    """
    first: dict[bytes, str] = {}
    return {
        name: first.setdefault(canonical_json(dict(agents[name])), name) for name in sorted(agents)
    }


def merged(step: Step, same: Mapping[str, str]) -> Step:
    """Return ``step`` in which branches of a join share the calls that they begin with alike.

    ``same`` names for an agent the one whose calls are like its own.
    """
    parts = [merged(part, same) for part in graph.parts(step)]
    new = graph.rebuilt(step, parts)
    return hoisted(new, same) if isinstance(new, Join) else new


def hoisted(join: Join, same: Mapping[str, str] | None = None) -> Step:
    """Return ``join`` with what neighbouring branches begin with alike in front of them.

    Neighbours only, for a later step reads the branches' results in order. Each keeps a step of
    its own, so that there are as many results as before.
    """
    branches = [_chain(branch) for branch in join.branches]
    made: list[Step] = []
    while branches:
        group = [branches.pop(0)]
        while branches and _alike(group[0], branches[0], same):
            group.append(branches.pop(0))
        made.append(_together(group, same))
    return made[0] if len(made) == 1 else Join(tuple(made))


def _together(group: list[tuple[Step, ...]], same: Mapping[str, str] | None) -> Step:
    if len(group) == 1:
        return graph.chained(*group[0])
    head = group[0][0]
    rest = Join(tuple(graph.chained(*chain[1:]) for chain in group))
    first = head if same is None else _renamed(head, same)
    return graph.chained(first, hoisted(rest, same))


def _alike(a: tuple[Step, ...], b: tuple[Step, ...], same: Mapping[str, str] | None) -> bool:
    if min(len(a), len(b)) < 2:  # noqa: PLR2004 - one that goes in front, one that stays
        return False
    if same is None:
        return a[0] == b[0]
    one, other = (graph.numbered(_renamed(chain[0], same)) for chain in (a, b))
    return one == other


def _renamed(step: Step, same: Mapping[str, str]) -> Step:
    """Return ``step`` with the calls of an agent's twin as calls of that agent."""
    if isinstance(step, Call):
        agent = same.get(step.agent, step.agent)
        return replace(step, agent=agent, slot=f"{agent}{step.slot.removeprefix(step.agent)}")
    return graph.rebuilt(step, [_renamed(part, same) for part in graph.parts(step)])


def _chain(step: Step) -> tuple[Step, ...]:
    """Return the steps of a sequence of which each reads the one before; else the step alone."""
    if isinstance(step, graph.Sequence) and not step.reads:
        return step.steps
    return (step,)
