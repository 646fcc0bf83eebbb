"""Writes a configuration of a frozen set for other tools: LiteLLM's router, LangGraph's JSON.

Each is given what it has a place for: models, limits and fallbacks of the calls for LiteLLM, nodes
and edges with their settings as metadata for LangGraph. Votes, gates and loops decide in code that
neither format carries; `running` executes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from pytest_compiledai.workflows import graph
from pytest_compiledai.workflows.running import structures_of
from pytest_compiledai.workflows.tradeoffs import Configuration
from pytest_compiledai.workflows.tradeoffs import TradeOffs


class NotWritable(ValueError):
    """A setting that is no model: the other tool has no place for it."""


def as_litellm(
    offs: TradeOffs, name: str, *, fallbacks: Sequence[str] = (), timeout_s: float | None = None
) -> dict[str, Any]:
    """Return `model_list` and `router_settings` of LiteLLM's router or proxy.

    A call of slot `solver` asks the model `<unit>/solver`; where configurations of ``fallbacks``
    set that slot otherwise, it falls back to their settings in this order. Raises ``NotWritable``
    for a frozen unit or a tool, and ``KeyError`` for an unknown name.
    """
    unit = (offs.data or {})["name"]
    models: list[dict[str, Any]] = []
    ways: list[dict[str, list[str]]] = []
    seen = {slot: [setting] for slot, setting in offs[name].settings.items()}
    for other in fallbacks:
        for slot, setting in offs[other].settings.items():
            if slot in seen and setting not in seen[slot]:
                seen[slot].append(setting)
    agents = _agents(offs, offs[name])
    for slot, settings in seen.items():
        names = [f"{unit}/{slot}", *(f"{unit}/{slot}/{n}" for n in range(1, len(settings)))]
        models += (
            {"model_name": model_name, "litellm_params": _parameters(agents[slot], setting)}
            for model_name, setting in zip(names, settings, strict=True)
        )
        if len(names) > 1:
            ways.append({names[0]: names[1:]})
    router = {"fallbacks": ways} | ({} if timeout_s is None else {"timeout": timeout_s})
    return {"model_list": models, "router_settings": router}


def as_langgraph(offs: TradeOffs, name: str) -> dict[str, Any]:
    """Return nodes and edges in the form of LangGraph's `to_json()`.

    A node's metadata are its agent's prompt and its setting; an edge after a call that decides
    where to go is conditional. Raises ``KeyError`` for an unknown name.
    """
    from pytest_compiledai.workflows.wiring import END
    from pytest_compiledai.workflows.wiring import START
    from pytest_compiledai.workflows.wiring import drawn

    configuration = offs[name]
    step = structures_of(offs)[configuration.structure]
    agents = _agents(offs, configuration)
    deciding = {f"{call.agent}#{call.draw}" for call in _deciding(step)}
    of = drawn(step)
    names = {START: "__start__", END: "__end__"}
    nodes: list[dict[str, Any]] = []
    for node, data in of.nodes(data=True):
        names.setdefault(node, node.replace("#", "_"))
        item: dict[str, Any] = {
            "id": names[node],
            "type": "runnable",
            "data": {"name": names[node]},
        }
        if "slot" in data:
            prompt = agents[data["slot"]].get("prompt", "")
            setting = configuration.settings[data["slot"]]
            item["metadata"] = {"agent": data["agent"], "setting": setting, "prompt": prompt}
        nodes.append(item)
    edges: list[dict[str, Any]] = []
    for source, target in of.edges:
        edge: dict[str, Any] = {"source": names[source], "target": names[target]}
        edges.append(edge | ({"conditional": True} if source in deciding else {}))
    return {"nodes": nodes, "edges": edges}


def _agents(offs: TradeOffs, configuration: Configuration) -> dict[str, Mapping[str, Any]]:
    """Return the artifact's part on the agent of each slot."""
    known = (offs.data or {})["agents"]
    slots = graph.slots(structures_of(offs)[configuration.structure])
    return {slot: known[agent] for slot, agent in slots.items()}


def _parameters(agent: Mapping[str, Any], setting: str) -> dict[str, Any]:
    if setting.startswith(("unit:", "tool:")):
        raise NotWritable(
            f"{setting} is no model; run it with `running.run`, which is handed units"
        )
    model, _, budget = setting.partition("@")
    given: dict[str, Any] = {"model": model} | ({"max_tokens": int(budget)} if budget else {})
    for key, name in (("temperature", "temperature"), ("endpoint", "api_base")):
        if key in agent:
            given[name] = agent[key]
    return given


def _deciding(step: graph.Step) -> Iterator[graph.Call]:
    """Yield the calls after which it depends on the answers where to go."""
    match step:
        case graph.Route(router=router):
            yield router
        case graph.Cascade(gate=gate, first=first):
            yield from graph.calls(first) if gate is None else [gate]
        case graph.Loop(tries=tries, checks=checks):
            yield from checks or [call for again in tries[:-1] for call in graph.calls(again)]
        case _:
            pass
    for part in graph.parts(step):
        yield from _deciding(part)
