"""What has to be measured of a flow: chains of calls, each given what the one before it made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from typing import TypeAlias

from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.workflows import graph
from pytest_compiledai.workflows.plan import structures
from pytest_compiledai.workflows.spec import WorkflowSpec

ANSWER, GATE, ROUTER, JUDGE = "answer", "gate", "router", "judge"


class Link(NamedTuple):
    """One agent of a chain and what is asked of it."""

    agent: str
    role: str = ANSWER
    names: tuple[str, ...] = ()  # the branches that a router may name
    pool: tuple[str, ...] = ()  # the agents whose results a judge is given
    of: int = 0  # how many of them at once


Chain: TypeAlias = tuple[Link, ...]


def chains(spec: WorkflowSpec) -> tuple[Chain, ...]:
    """Return the chains of a spec, each once, judges last. Raises ``SpecError``."""
    if len(spec.output.data.get("properties", {})) != 1:
        raise SpecError(
            where=spec.path, found="an output of several values", expected="one, to be compared"
        )
    found = dict.fromkeys(chain for step in structures(spec.plan) for chain in _of(spec, step, ()))
    return tuple(sorted(found, key=lambda chain: chain[-1].role == JUDGE))


def _of(  # noqa: C901 - one case a step
    spec: WorkflowSpec, step: graph.Step, before: Chain
) -> Iterator[Chain]:
    match step:
        case graph.Call(agent=agent):
            yield (*before, Link(agent))
        case graph.Sequence(steps=steps) if all(isinstance(s, graph.Call) for s in steps):
            yield (*before, *(Link(call.agent) for call in graph.calls(step)))
        case graph.Vote(branches=branches):
            for branch in branches:
                yield from _of(spec, branch, before)
        case graph.Best(branches=branches, judge=judge) if not before:
            made = [chain for branch in branches for chain in _of(spec, branch, ())]
            yield from made
            pool = tuple(sorted({chain[-1].agent for chain in made}))
            yield (Link(judge.agent, JUDGE, pool=pool, of=len(branches)),)
        case graph.Route(router=router, names=names, branches=branches):
            yield (*before, Link(router.agent, ROUTER, names=names))
            for branch in branches:
                yield from _of(spec, branch, before)
        case graph.Cascade(first=first, second=second, gate=gate):
            yield from _gated(_of(spec, first, before), gate)
            yield from _of(spec, second, before)
        case graph.Loop(tries=tries, checks=checks, mends=mends):
            first_tries = list(_of(spec, tries[0], before))
            yield from _gated(iter(first_tries), checks[0] if checks else None)
            if mends:
                for chain in first_tries:
                    yield from _of(spec, tries[1], chain)
        case _:
            raise SpecError(
                where=spec.path,
                found=f"the step {graph.label(step)}, whose calls are not measured here",
                expected="calls, sequences of calls, votes, judges, routers, cascades and loops",
                next="import its traces; see docs/workflows.md, section Importing",
            )


def _gated(made: Iterator[Chain], gate: graph.Call | None) -> Iterator[Chain]:
    """Yield chains, and each followed by the call that accepts or rejects its result."""
    for chain in made:
        yield chain
        if gate is not None:
            yield (*chain, Link(gate.agent, GATE))
