"""Agents and flows out of LangGraph, FlowCompile and DSPy files; nothing is imported or run.

What a file does not say (prompts of a LangGraph graph, a scorer, problems) is left out and noted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from typing import Final

import networkx as nx

from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.workflows import graph
from pytest_compiledai.workflows.wiring import END
from pytest_compiledai.workflows.wiring import START
from pytest_compiledai.workflows.wiring import NotSeriesParallel
from pytest_compiledai.workflows.wiring import steps_of
from pytest_compiledai.workflows.wiring import without_dead

_ENDS: Final = {"__start__": START, "__end__": END}
_THREE: Final = "LangGraph's to_json(), FlowCompile's configuration or result, a DSPy program"
_FLAT, _COMPILED = "flowcompile.flat.v1", "flowcompile.compiled.v2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafted:
    """What a spec can take over: `agents:` and `flow:` as YAML values."""

    agents: Mapping[str, Mapping[str, Any]]
    flow: Any
    notes: tuple[str, ...]  # what the file does not say


def drafted(data: Any, path: str) -> Drafted:
    """Return the draft of a file's value. Raises ``SpecError`` for what is none of the three."""
    try:
        found = _of_three(data, path)
    except (AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError) as error:
        # Another project's file may have any shape inside: one sentence says that it is not read.
        raise _amiss(path, f"{type(error).__name__}: {error}"[:120], _THREE) from None
    if found is None:
        raise _amiss(path, "no graph, no configuration and no program", _THREE)
    return found


def _of_three(data: Any, path: str) -> Drafted | None:
    if isinstance(data, Mapping):
        if isinstance(data.get("nodes"), list) and isinstance(data.get("edges"), list):
            return _langgraph(data, path)
        if data.get("schema_version") in (_FLAT, _COMPILED):
            return _flowcompile(data, path)
        if any(isinstance(value, Mapping) and "signature" in value for value in data.values()):
            return _dspy(data)
    return None


def as_flow(step: graph.Step) -> Any:
    """Return a step of sequences, joins and routes as a spec writes it."""
    match step:
        case graph.Sequence(steps=steps):
            return {"sequence": [as_flow(inner) for inner in steps]}
        case graph.Join(branches=branches):
            return {"join": [as_flow(inner) for inner in branches]}
        case graph.Choice(options=options):
            return {"choice": [as_flow(inner) for inner in options]}
        case graph.Route(router=router, names=names, branches=branches):
            to = {name: as_flow(inner) for name, inner in zip(names, branches, strict=True)}
            return {"route": {"by": router.agent, "to": to}}
        case graph.Call(agent=agent):
            return agent
        case _:
            raise TypeError(f"{graph.label(step)} comes from no import")


def _langgraph(data: Mapping[str, Any], path: str) -> Drafted:
    """Read nodes and edges; a circle has no tree and is refused.

    Conditional edges are a route where each leads to a branch and all branches meet again.
    """
    names: dict[str, str] = {}
    for node in data["nodes"]:
        key = str(node.get("id", "")) if isinstance(node, Mapping) else ""
        if key in names:
            raise _amiss(path, f"the node {key[:80]!r} twice", "each node once")
        names[key] = _ENDS.get(key) or _name(key, set(names.values()))
    of = nx.DiGraph()
    routes: dict[str, dict[str, str]] = {}  # by the node that decides: name -> first of the branch
    for edge in data["edges"]:
        ends = [str(edge.get(k)) for k in ("source", "target")] if isinstance(edge, Mapping) else []
        if len(ends) != 2 or not all(end in names for end in ends):  # noqa: PLR2004 - two ends
            raise _amiss(path, f"the edge {str(edge)[:80]}", "a source and a target that are nodes")
        source, target = (names[end] for end in ends)
        if edge.get("conditional"):
            said = edge.get("data")
            routes.setdefault(source, {})[said if isinstance(said, str) else ends[1]] = target
        of.add_edge(source, target)
    dead = without_dead(of)
    try:
        step = steps_of(of)
    except NotSeriesParallel as error:
        raise _amiss(path, str(error), "a graph of sequences and joins") from None
    step = graph.numbered(_routed(step, routes))
    left = sorted(
        set(routes) - {s.router.agent for s in _steps(step) if isinstance(s, graph.Route)}
    )
    if left:
        raise _amiss(
            path,
            f"a conditional edge from {left[0]} to {', '.join(routes[left[0]].values())}",
            "branches that meet again: write it as `route`, `cascade` or `loop`",
        )
    agents = {agent: {"prompt": "", "models": []} for agent in graph.slots(step)}
    notes = ["prompts and models: a graph does not hold them"]
    notes += [f"{name}: its answer has to name {' or '.join(routes[name])}" for name in routes]
    if dead:
        notes.append(f"left out, as it leads to no result: {', '.join(dead)}")
    return Drafted(agents=agents, flow=as_flow(step), notes=tuple(notes))


def _routed(step: graph.Step, routes: Mapping[str, Mapping[str, str]]) -> graph.Step:
    """Return the tree in which a join behind a node that decides is a route."""
    if isinstance(step, graph.Join):
        return graph.Join(tuple(_routed(branch, routes) for branch in step.branches))
    if not isinstance(step, graph.Sequence):
        return step
    found: list[graph.Step] = []
    for inner in step.steps:
        before, now = found[-1] if found else None, _routed(inner, routes)
        if isinstance(before, graph.Call) and isinstance(now, graph.Join):
            heads = {next(iter(graph.calls(b))).agent: b for b in now.branches}
            to = routes.get(before.agent, {})
            if sorted(heads) == sorted(to.values()):
                branches = tuple(heads[target] for target in to.values())
                found[-1] = graph.Route(before, tuple(to), branches)
                continue
        found.append(now)
    return found[0] if len(found) == 1 else graph.Sequence(tuple(found))


def _steps(step: graph.Step) -> Iterator[graph.Step]:
    yield step
    for inner in graph.parts(step):
        yield from _steps(inner)


def _flowcompile(data: Mapping[str, Any], path: str) -> Drafted:
    if data["schema_version"] == _FLAT:
        models = [str(model) for model in data.get("search_models") or []]
        budgets = [b for b in data.get("search_budgets") or [] if type(b) is int and b > 0]
        agent = {"prompt": "", "models": models} | ({"budgets": budgets} if budgets else {})
        return Drafted(
            agents={"solver": agent},
            flow="solver",
            notes=(
                f"the flow: a configuration names the workflow {data.get('workflow_type')!r} only",
                "prompts: they are in that workflow's code",
            ),
        )
    seen: dict[str, dict[str, None]] = {}
    limits: dict[str, set[int]] = {}
    for item in data.get("configs") or []:
        agents = item.get("agents") if isinstance(item, Mapping) else None
        for agent, setting in (agents or {}).items():
            if isinstance(setting, Mapping) and isinstance(setting.get("model"), str):
                name = _name(str(agent), set())
                seen.setdefault(name, {})[setting["model"]] = None
                if type(budget := setting.get("budget")) is int and budget > 0:
                    limits.setdefault(name, set()).add(budget)
    if not seen:
        raise _amiss(path, "no setting of any agent", "configs with agents and their models")
    made: dict[str, dict[str, Any]] = {
        agent: {"prompt": "", "models": list(models)}
        | ({"budgets": sorted(limits[agent])} if agent in limits else {})
        for agent, models in seen.items()
    }
    names = list(made)
    return Drafted(
        agents=made,
        flow={"choice": names} if len(names) > 1 else names[0],
        notes=(
            "how the agents are connected, and prompts: a result does not hold them",
            "its figures: they are products of averages, so they are not taken over",
        ),
    )


def _dspy(data: Mapping[str, Any]) -> Drafted:
    agents: dict[str, dict[str, Any]] = {}
    notes = ["the order of predictors: a program's file does not hold it; here as listed"]
    for key, value in data.items():
        if not isinstance(value, Mapping) or not isinstance(value.get("signature"), Mapping):
            continue
        signature = value["signature"]
        lm = value.get("lm")
        model = lm.get("model") if isinstance(lm, Mapping) else None
        name = _name(str(key), set(agents))
        if isinstance(demos := value.get("demos"), list) and demos:
            notes.append(f"left out: {len(demos)} demonstrations of {name}; write them as `prompt`")
        agents[name] = {
            "prompt": "\n".join(_prompt(signature)),
            "models": [model] if isinstance(model, str) else [],
        }
    names = list(agents)
    return Drafted(
        agents=agents,
        flow={"sequence": names} if len(names) > 1 else names[0],
        notes=tuple(notes),
    )


def _prompt(signature: Mapping[str, Any]) -> Iterator[str]:
    yield str(signature.get("instructions", ""))
    for field in signature.get("fields") or []:
        if isinstance(field, Mapping):
            yield f"{field.get('prefix', '')} {field.get('description', '')}".strip()


def _name(text: str, taken: set[str]) -> str:
    """Return an agent's name made of ``text``, that is not taken."""
    plain = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:50] or "agent"
    plain = plain if plain[0].isalpha() else f"agent_{plain}"
    name, number = plain, 2
    while name in taken:
        name, number = f"{plain}_{number}", number + 1
    return name


def _amiss(path: str, found: str, expected: str) -> SpecError:
    return SpecError(
        where=path, found=found, expected=expected, next="see docs/workflows.md, section Importing"
    )
