"""A workflow as a directed graph (networkx): drawn from steps, looked over, made into steps."""

from __future__ import annotations

from collections.abc import Iterator

import networkx as nx

from pytest_compiledai.workflows import graph
from pytest_compiledai.workflows.graph import Step

START, END = "start", "end"


class NotSeriesParallel(ValueError):
    """A graph that no tree of sequences and joins says."""


def drawn(step: Step) -> nx.DiGraph:
    """Return the graph of a step's calls from `start` to `end`; a node is an agent's draw."""
    found = nx.DiGraph()
    found.add_node(START)
    ends = _draw(step, found, [START])
    found.add_edges_from((end, END) for end in ends)
    return found


def _draw(  # noqa: PLR0911 - one case a step
    step: Step, into: nx.DiGraph, before: list[str]
) -> list[str]:
    """Add a step after ``before`` and return the nodes that end it."""
    match step:
        case graph.Call(agent=agent, slot=slot, draw=draw):
            node = f"{agent}#{draw}"
            into.add_node(node, agent=agent, slot=slot)
            into.add_edges_from((other, node) for other in before)
            return [node]
        case graph.Sequence(steps=steps):
            made: list[list[str]] = []
            for inner, reads in zip(steps, step.fed(), strict=True):
                read = [end for place in reads for end in made[place]]
                made.append(_draw(inner, into, read or before))
            return made[-1]
        case graph.Best(branches=branches, judge=judge):
            ends = [end for branch in branches for end in _draw(branch, into, before)]
            return _draw(judge, into, ends)
        case graph.Route(router=router, branches=branches):
            routed = _draw(router, into, before)
            return [end for branch in branches for end in _draw(branch, into, routed)]
        case graph.Cascade(first=first, gate=gate, second=second):
            ends = _draw(first, into, before)
            ends = ends if gate is None else _draw(gate, into, ends)
            return ends + _draw(second, into, ends)
        case graph.Loop(tries=tries, checks=checks):
            ends = _draw(tries[0], into, before)
            out: list[str] = []
            for number, again in enumerate(tries[1:]):
                ends = _draw(checks[number], into, ends) if checks else ends
                out += ends
                ends = _draw(again, into, ends)
            return out + ends
        case _:
            return [end for inner in graph.parts(step) for end in _draw(inner, into, before)]


def lint(of: nx.DiGraph) -> Iterator[str]:
    """Yield what is wrong with a graph: a circle, a node out of reach, one that leads nowhere."""
    if not nx.is_directed_acyclic_graph(of):
        circle = " -> ".join(edge[0] for edge in nx.find_cycle(of))
        yield f"a circle: {circle}"
    reached = nx.descendants(of, START) | {START} if START in of else set()
    useful = nx.ancestors(of, END) | {END} if END in of else set()
    for node in sorted(set(of) - reached):
        yield f"{node}, which nothing leads to"
    for node in sorted(set(of) & reached - useful):
        yield f"{node}, which leads to no result"


def without_dead(of: nx.DiGraph) -> tuple[str, ...]:
    """Take out the nodes whose results reach no end, and return them, sorted."""
    useful = nx.ancestors(of, END) | {START, END} if END in of else set(of)
    dead = tuple(sorted(set(of) - useful))
    of.remove_nodes_from(dead)
    return dead


def steps_of(of: nx.DiGraph) -> Step:
    """Return the tree of an imported graph of calls, whose nodes are agents.

    Series and parallel reduction until one edge from `start` to `end` is left. Raises
    ``NotSeriesParallel`` where something else is left, naming the nodes it hangs on.
    """
    faults = list(lint(of))
    if faults:
        raise NotSeriesParallel(faults[0])
    work: nx.MultiDiGraph = nx.MultiDiGraph()
    for a, b in of.edges:  # a node is an edge from its way in to its way out
        work.add_edge((a, "out"), (b, "in"), step=None)
    for node in of:
        step = None if node in (START, END) else graph.Call(node, node)
        work.add_edge((node, "in"), (node, "out"), step=step)
    while _parallel(work) or _series(work):
        pass
    if work.number_of_edges() != 1:
        nodes = sorted({name for name, _ in work} - {START, END})
        raise NotSeriesParallel(f"no series-parallel graph around {', '.join(nodes)}")
    ((_, _, step),) = work.edges(data="step")
    if step is None:
        raise NotSeriesParallel("a graph without calls")
    return graph.numbered(step)


def _parallel(work: nx.MultiDiGraph) -> bool:
    for a, b in sorted(set(work.edges())):
        edges = [data["step"] for data in work[a][b].values()]
        if len(edges) > 1:
            real = sorted((step for step in edges if step is not None), key=graph.label)
            work.remove_edges_from([(a, b, key) for key in list(work[a][b])])
            joined = real[0] if len(real) == 1 else graph.Join(tuple(real)) if real else None
            work.add_edge(a, b, step=joined)
            return True
    return False


def _series(work: nx.MultiDiGraph) -> bool:
    for node in sorted(work):
        if work.in_degree(node) == 1 and work.out_degree(node) == 1:
            ((before, _, first),) = work.in_edges(node, data="step")
            ((_, after, second),) = work.out_edges(node, data="step")
            work.remove_node(node)
            work.add_edge(before, after, step=_after(first, second))
            return True
    return False


def _after(first: Step | None, second: Step | None) -> Step | None:
    if first is None or second is None:
        return first or second
    parts = [*_chain(first), *_chain(second)]
    return graph.Sequence(tuple(parts))


def _chain(step: Step) -> tuple[Step, ...]:
    return step.steps if isinstance(step, graph.Sequence) else (step,)
