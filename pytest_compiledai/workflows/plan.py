"""What a trade-off set is made from, apart from the profile: flow, settings, objectives."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from typing import Final

from pytest_compiledai.workflows import graph
from pytest_compiledai.workflows.graph import Step
from pytest_compiledai.workflows.passes import PASSES
from pytest_compiledai.workflows.passes import cleaned
from pytest_compiledai.workflows.passes import widened

WANTS: Final = ("best", "fastest", "cheapest", "prudent")
LATENCIES: Final = ("mean", "p50", "p95")
#: Configurations, orders of votes included, up to which a pass may widen the space.
MOST_WIDENED: Final = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Bounds, and what is wanted of the configurations that keep them."""

    want: str  # best | fastest | cheapest | prudent
    accuracy: float = 0.0
    seconds: float = math.inf
    cost: float = math.inf  # USD a problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The space that is searched, and by what."""

    flow: Step
    settings: Mapping[str, tuple[str, ...]]  # agent -> its settings
    latency: str  # the figure of seconds that is optimised: mean | p50 | p95
    width: int | None  # calls side by side at most
    confidence: float  # of every stated interval
    wishes: Mapping[str, Wish]
    passes: tuple[str, ...] = ()  # that rewrite structures
    twins: Mapping[str, str] = field(default_factory=dict)  # agent -> the first described like it


def structures(plan: Plan) -> tuple[Step, ...]:
    """Return the flow without choices, and each answering agent alone where the flow has it not.

    An agent answers problems when some structure is, or begins as, a step that takes the problem
    itself and gives the last answer; the single call is always in the space. What the widening
    passes add comes last.
    """
    found = cleaned(graph.structures(plan.flow), plan.passes, plan.twins)
    alone = [graph.Call(agent, agent) for step in found for agent in sorted(answering(step))]
    return widened(dict.fromkeys([*found, *alone]), plan.passes)


def affordable(plan: Plan, wanted: Collection[str]) -> tuple[str, ...]:
    """Return those of the ``wanted`` passes with which the space stays small enough to replay."""
    kept: tuple[str, ...] = ()
    before = _space(plan)
    for name in PASSES:
        more = replace(plan, passes=(*kept, name))
        if name in wanted and ((size_now := _space(more)) <= MOST_WIDENED or size_now <= before):
            kept, before = more.passes, size_now
    return kept


def _space(plan: Plan) -> int:
    return sum(size(step, plan) for step in structures(plan))


def answering(step: Step) -> set[str]:  # noqa: PLR0911 - one case a step
    """Return the agents of which one call may take the problem and give the result."""
    match step:
        case graph.Call(agent=agent):
            return {agent}
        case graph.Vote(branches=branches) | graph.Best(branches=branches):
            return set().union(*map(answering, branches))
        case graph.Route(branches=branches):
            return set().union(*map(answering, branches))
        case graph.Cascade(first=first, second=second):
            return answering(first) | answering(second)
        case graph.Loop(tries=tries):
            return answering(tries[0])
        case graph.Sequence(steps=(only,)):
            return answering(only)
        case _:
            return set()  # a part of a chain, of a join or of a map is no answer by itself


def size(step: Step, plan: Plan) -> int:
    """Return how many ways there are to set the slots of ``step``, orders of a vote included."""
    return math.prod(len(plan.settings[agent]) for agent in graph.slots(step).values())


def assignments(
    step: Step, plan: Plan, rank: Mapping[tuple[str, str], int]
) -> Iterator[dict[str, str]]:
    """Yield the settings by slot; branches that could trade places are taken in one order only.

    That order is by ``rank`` of agent and setting, so that of tied votes the better one's counts.
    """
    agents = graph.slots(step)
    groups = [group for group in alike(step) if len(group) > 1]
    spaces = [plan.settings[agent] for agent in agents.values()]
    for chosen in itertools.product(*spaces):
        by_slot = dict(zip(agents, chosen, strict=True))
        if all(_in_order(group, agents, by_slot, rank) for group in groups):
            yield by_slot


def alike(step: Step) -> Iterator[tuple[str, ...]]:
    """Yield groups of slots of one agent that are single branches of one vote or judge."""
    if isinstance(step, graph.Vote | graph.Best):
        by_agent: dict[str, list[str]] = {}
        for branch in step.branches:
            if isinstance(branch, graph.Call) and branch.slot not in by_agent.get(branch.agent, []):
                by_agent.setdefault(branch.agent, []).append(branch.slot)
        yield from map(tuple, by_agent.values())
    for part in graph.parts(step):
        yield from alike(part)


def _in_order(
    group: tuple[str, ...],
    agents: Mapping[str, str],
    chosen: Mapping[str, str],
    rank: Mapping[tuple[str, str], int],
) -> bool:
    ranks = [rank[agents[slot], chosen[slot]] for slot in group]
    return ranks == sorted(ranks)
