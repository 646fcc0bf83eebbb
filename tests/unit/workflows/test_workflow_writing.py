"""A frozen configuration is written as LiteLLM's and LangGraph's configuration."""

from __future__ import annotations

import json

import pytest

from pytest_compiledai.workflows.imports.graphs import drafted
from pytest_compiledai.workflows.tradeoffs import Configuration
from pytest_compiledai.workflows.tradeoffs import Range
from pytest_compiledai.workflows.tradeoffs import TradeOffs
from pytest_compiledai.workflows.writing import NotWritable
from pytest_compiledai.workflows.writing import as_langgraph
from pytest_compiledai.workflows.writing import as_litellm

ONE = Range(1.0, 1.0, 1.0)
AGENTS = {
    "solver": {"prompt": "Solve {n}.", "temperature": 0.7, "endpoint": "http://127.0.0.1:4000/v1"},
    "reviewer": {"prompt": "Right?"},
}


def frozen(flow, *settings: dict[str, str]) -> TradeOffs:
    """Return a set of configurations c1, c2, ... of the flow's first structure."""
    found = tuple(
        Configuration(
            id=f"c{n}",
            structure=0,
            label="",
            settings=each,
            accuracy=ONE,
            new_problems=ONE,
            seconds={"mean": 1.0, "p50": 1.0, "p95": 1.0},
            p95=ONE,
            cost=ONE,
        )
        for n, each in enumerate(settings, start=1)
    )
    data = {"name": "answer", "agents": AGENTS, "flow": flow, "confidence": 0.9, "passes": []}
    return TradeOffs(found, "p95", data | {"chosen": {"main": "c1"}})


CHAIN = {"sequence": ["solver", "reviewer"]}


def test_each_call_is_a_model_of_the_router():
    """Model, limit, temperature and endpoint of a slot go where LiteLLM looks for them."""
    offs = frozen(CHAIN, {"solver": "small@200", "reviewer": "large"})

    assert as_litellm(offs, "main", timeout_s=30.0) == {
        "model_list": [
            {
                "model_name": "answer/solver",
                "litellm_params": {
                    "model": "small",
                    "max_tokens": 200,
                    "temperature": 0.7,
                    "api_base": "http://127.0.0.1:4000/v1",
                },
            },
            {"model_name": "answer/reviewer", "litellm_params": {"model": "large"}},
        ],
        "router_settings": {"fallbacks": [], "timeout": 30.0},
    }


def test_other_settings_of_a_slot_are_its_fallbacks():
    """A configuration to fall back to gives the models that follow, each once."""
    same = {"solver": "small", "reviewer": "large"}
    offs = frozen(CHAIN, same, same | {"solver": "large"}, same)

    written = as_litellm(offs, "c1", fallbacks=["c2", "c3"])

    assert written["router_settings"] == {"fallbacks": [{"answer/solver": ["answer/solver/1"]}]}
    models = {item["model_name"]: item["litellm_params"]["model"] for item in written["model_list"]}
    assert models["answer/solver/1"] == "large"


def test_the_router_accepts_what_is_written():
    """What is written has the keys that LiteLLM's proxy documents, and no other."""
    written = as_litellm(frozen(CHAIN, {"solver": "small", "reviewer": "small"}), "main")

    assert set(written) == {"model_list", "router_settings"}
    assert all(set(item) == {"model_name", "litellm_params"} for item in written["model_list"])
    json.dumps(written)


def test_a_frozen_unit_cannot_be_written():
    """A setting that is no model has no place in a list of models."""
    offs = frozen(CHAIN, {"solver": "unit:solve", "reviewer": "large"})

    with pytest.raises(NotWritable, match="unit:solve"):
        as_litellm(offs, "main")


def test_a_chain_comes_back_from_its_graph():
    """What is written as LangGraph's JSON is read again as the same flow."""
    written = as_langgraph(frozen(CHAIN, {"solver": "small", "reviewer": "large"}), "main")

    assert drafted(written, "graph.json").flow == {"sequence": ["solver_0", "reviewer_0"]}
    assert written["nodes"][1]["metadata"] == {
        "agent": "solver",
        "setting": "small",
        "prompt": "Solve {n}.",
    }


def test_edges_after_a_deciding_call_are_conditional():
    """After a gate it depends on its answer whether the second step runs."""
    flow = {"cascade": {"first": "solver", "gate": "reviewer", "then": "solver"}}
    written = as_langgraph(frozen(flow, {"solver": "small", "reviewer": "large"}), "main")

    conditional = {(e["source"], e["target"]) for e in written["edges"] if "conditional" in e}

    assert conditional == {("reviewer_0", "solver_1"), ("reviewer_0", "__end__")}


def test_what_leads_to_no_result_is_left_out_of_an_import():
    """A node that nothing reads is not profiled; the draft says which."""
    nodes = [{"id": name} for name in ("__start__", "a", "logger", "__end__")]
    edges = [("__start__", "a"), ("a", "logger"), ("a", "__end__")]
    data = {"nodes": nodes, "edges": [{"source": s, "target": t} for s, t in edges]}

    draft = drafted(data, "graph.json")

    assert draft.flow == "a"
    assert draft.notes[-1] == "left out, as it leads to no result: logger"
