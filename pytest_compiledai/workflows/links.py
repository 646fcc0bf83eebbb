"""What has to be measured of a flow: chains of calls, each given what the one before it made."""

from __future__ import annotations

import random
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from itertools import takewhile
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
    reads: tuple[str, ...] = ()  # the agents whose results, one each, it is given together


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


def _of(  # noqa: C901, PLR0912 - one case a step
    spec: WorkflowSpec, step: graph.Step, before: Chain
) -> Iterator[Chain]:
    match step:
        case graph.Call(agent=agent):
            yield (*before, Link(agent))
        case graph.Sequence(steps=steps, reads=()) if all(isinstance(s, graph.Call) for s in steps):
            yield (*before, *(Link(call.agent) for call in graph.calls(step)))
        case graph.Sequence() if not before and (made := _read(step)):
            yield made
        case graph.Vote(branches=branches):
            for branch in branches:
                yield from _of(spec, branch, before)
        case graph.Best(branches=branches, judge=judge) if not before:
            inner = [chain for branch in branches for chain in _of(spec, branch, ())]
            yield from inner
            pool = tuple(sorted({chain[-1].agent for chain in inner}))
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
            for chain in first_tries if mends else ():
                if chain[0].reads:  # whether a draft is right, its mending must not decide
                    raise _refused(spec, step)
                yield from _of(spec, tries[1], chain)
        case _:
            raise _refused(spec, step)


def _refused(spec: WorkflowSpec, step: graph.Step) -> SpecError:
    return SpecError(
        where=spec.path,
        found=f"the step {graph.label(step)}, whose calls are not measured here",
        expected="calls, sequences of calls, calls that read single calls side by side, votes, "
        "judges, routers, cascades and loops",
        next="import its traces; see docs/workflows.md, section Importing",
    )


def _read(step: graph.Sequence) -> Chain | None:
    """Return the chain of a sequence that joins single calls and reads them; None for others.

    A result that nobody reads has no place in a chain, and two draws of one agent are not told
    apart in what is given on.
    """
    made: list[tuple[Chain, ...]] = []
    read = {place for places in step.fed() for place in places}
    for inner, places in zip(step.steps, step.fed(), strict=True):
        given = tuple(chain for place in places for chain in made[place])
        branches = inner.branches if isinstance(inner, graph.Join) else (inner,)
        found = [_given(branch, given) for branch in branches]
        if None in found:
            return None
        made.append(tuple(chain for chain in found if chain))
    used = read == set(range(len(step.steps) - 1))
    return made[-1][0] if used and len(made[-1]) == 1 else None


def _given(step: graph.Step, given: Sequence[Chain]) -> Chain | None:
    if not isinstance(step, graph.Call):
        return None
    if len(given) <= 1:
        return (*(given[0] if given else ()), Link(step.agent))
    agents = tuple(chain[0].agent for chain in given)
    alone = all(len(chain) == 1 and not chain[0].reads for chain in given)
    return (Link(step.agent, reads=agents),) if alone and len(set(agents)) == len(agents) else None


def _gated(made: Iterator[Chain], gate: graph.Call | None) -> Iterator[Chain]:
    """Yield chains, and each followed by the call that accepts or rejects its result."""
    for chain in made:
        yield chain
        if gate is not None:
            yield (*chain, Link(gate.agent, GATE))


def completing(chain: Chain) -> Chain:
    """Return the links that make an answer of what the first of a chain reads."""
    return (chain[0], *takewhile(lambda link: link.role == ANSWER, chain[1:]))


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
