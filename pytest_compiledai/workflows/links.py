"""What has to be measured of a flow: chains of calls, each given what the one before it made."""

from __future__ import annotations

import random
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
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


class Input(NamedTuple):
    """What an agent is given with a problem: nothing, a result, or results to judge."""

    link: Link
    before: str | None
    state: str
    candidates: tuple[str, ...] = ()
    right: tuple[bool, ...] = ()  # by candidate


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
        case graph.Sequence(steps=steps, reads=()) if all(isinstance(s, graph.Call) for s in steps):
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


def sides_of(
    pool: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> dict[str, tuple[list[str], list[str]]]:
    """Return by problem the right and the wrong results that agents of a pool made of it."""
    found: dict[str, tuple[list[str], list[str]]] = {}
    for row in rows:
        if row["agent"] in pool and row["text"] is not None:
            sides = found.setdefault(row["query"], ([], []))
            sides[row["score"] < 0.5].append(row["text"])  # noqa: PLR2004 - half is right
    return found


def candidates_of(
    link: Link, right: Sequence[str], wrong: Sequence[str], count: int, seed: str
) -> Input:
    """Return what a judge is given: ``count`` right results, in an order that ``seed`` decides."""
    rng = random.Random(seed)  # noqa: S311 - an order that repeats, no secret
    texts = [(rng.choice(right), True) for _ in range(count)]
    texts += [(rng.choice(wrong), False) for _ in range(link.of - count)]
    rng.shuffle(texts)
    state = f"{count}/{link.of}"
    return Input(link, None, state, tuple(t for t, _ in texts), tuple(good for _, good in texts))
