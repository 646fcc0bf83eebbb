"""Imports: what other projects' files say, and what is refused; nothing is executed."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("polars", reason="the extra `workflows` is not installed")

from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.workflows.imports.graphs import drafted
from pytest_compiledai.workflows.imports.traces import from_lines
from pytest_compiledai.workflows.imports.traces import from_measurements
from pytest_compiledai.workflows.profile import profile_of


def langgraph(*edges: tuple[str, str], conditional: bool = False):
    nodes = dict.fromkeys(name for edge in edges for name in edge)
    return {
        "nodes": [{"id": name, "type": "runnable"} for name in nodes],
        "edges": [{"source": a, "target": b, "conditional": conditional} for a, b in edges],
    }


def test_a_langgraph_graph_becomes_steps():
    """A fork that joins again is a join inside a sequence."""
    data = langgraph(
        ("__start__", "Plan It"),
        ("Plan It", "left"),
        ("Plan It", "right"),
        ("left", "write"),
        ("right", "write"),
        ("write", "__end__"),
    )

    found = drafted(data, "g.json")

    assert {"sequence": ["plan_it", {"join": ["left", "right"]}, "write"]} == found.flow
    assert ["plan_it", "left", "right", "write"] == list(found.agents)


def test_conditional_edges_that_meet_again_are_a_route():
    """The node decides; what an edge is called, or where it leads, names the branch."""
    data = {
        "nodes": [
            {"id": "__start__", "type": "schema", "data": "__start__"},
            *({"id": name, "type": "runnable", "data": {"id": ["x"], "name": name}} for name in
              ("Triage", "easy", "hard", "check", "write")),
            {"id": "__end__", "type": "schema", "data": "__end__"},
        ],
        "edges": [
            {"source": "__start__", "target": "Triage"},
            {"source": "Triage", "target": "easy", "conditional": True},
            {"source": "Triage", "target": "hard", "data": "difficult", "conditional": True},
            {"source": "hard", "target": "check"},
            {"source": "check", "target": "write"},
            {"source": "easy", "target": "write"},
            {"source": "write", "target": "__end__"},
        ],
    }  # fmt: skip

    found = drafted(data, "g.json")

    to = {"easy": "easy", "difficult": {"sequence": ["hard", "check"]}}
    assert {"sequence": [{"route": {"by": "triage", "to": to}}, "write"]} == found.flow
    assert "triage: its answer has to name easy or difficult" in found.notes


def test_a_branch_that_skips_ahead_is_no_route():
    """An edge straight to the end would be a branch without a call, which nothing can stand for."""
    data = langgraph(("__start__", "a"), ("b", "__end__"), ("c", "__end__"))
    data["edges"] += [{"source": "a", "target": t, "conditional": True} for t in ("b", "c")]
    assert "route" in str(drafted(data, "g.json").flow)
    data["edges"].append({"source": "a", "target": "__end__", "conditional": True})

    with pytest.raises(SpecError) as caught:
        drafted(data, "g.json")

    assert "a conditional edge from a to" in caught.value.found


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (langgraph(("__start__", "a"), ("a", "b"), ("b", "a"), ("a", "__end__")), "a circle"),
        (langgraph(("__start__", "a"), ("a", "__end__"), conditional=True), "a conditional edge"),
        (langgraph(("__start__", "a"), ("b", "__end__")), "which nothing leads to"),
        (
            langgraph(
                ("__start__", "a"), ("__start__", "b"), ("a", "c"), ("a", "d"), ("b", "d"),
                ("c", "__end__"), ("d", "__end__"),
            ),
            "no series-parallel graph around",
        ),
        ({"nodes": [{"id": "a"}], "edges": [{"source": "a", "target": "x"}]}, "the edge"),
        ({"anything": 1}, "no graph"),
    ],
)  # fmt: skip
def test_what_is_no_tree_is_refused(data, found):
    """A circle, a condition, a node out of reach and a crossed graph are named, not guessed at."""
    with pytest.raises(SpecError) as caught:
        drafted(data, "g.json")

    assert found in caught.value.found


def test_a_flowcompile_configuration_gives_models_and_budgets():
    """Its search axes become the settings of an agent; what it lacks is noted."""
    data = {
        "schema_version": "flowcompile.flat.v1",
        "workflow_type": "math",
        "search_models": ["m1", "m2"],
        "search_budgets": [100, 1000],
    }

    found = drafted(data, "c.yaml")

    assert ["m1", "m2"] == found.agents["solver"]["models"]
    assert [100, 1000] == found.agents["solver"]["budgets"]
    assert any("'math'" in note for note in found.notes)


def test_a_flowcompile_result_gives_agents_and_their_models():
    """Every model that a compiled configuration gives an agent is one of its settings."""
    data = {
        "schema_version": "flowcompile.compiled.v2",
        "configs": [
            {"config_id": "1", "agents": {"solve": {"model": "m1"}, "vote": {"model": "m2"}}},
            {"config_id": "2", "agents": {"solve": {"model": "m3", "budget": 4000}}},
            {"config_id": "3", "agents": {"solve": {"model": "m3", "budget": "unlimited"}}},
        ],
    }

    found = drafted(data, "r.json")

    assert [4000] == found.agents["solve"]["budgets"]
    assert {"solve": ["m1", "m3"], "vote": ["m2"]} == {
        name: agent["models"] for name, agent in found.agents.items()
    }


def test_a_dspy_program_gives_prompts():
    """Predictors become agents with their instructions and fields."""
    data = {
        "draft.predict": {
            "signature": {
                "instructions": "Answer briefly.",
                "fields": [{"prefix": "Question:", "description": "${question}"}],
            },
            "lm": {"model": "m"},
            "traces": [],
            "demos": [{"question": "1+1", "answer": "2"}],
        },
        "check": {"signature": {"instructions": "Check it.", "fields": []}},
        "metadata": {"dependency_versions": {}},
    }

    found = drafted(data, "p.json")

    assert {"sequence": ["draft_predict", "check"]} == found.flow
    assert "Answer briefly.\nQuestion: ${question}" == found.agents["draft_predict"]["prompt"]
    assert ["m"] == found.agents["draft_predict"]["models"]
    assert any("1 demonstrations of draft_predict" in note for note in found.notes)


def test_lines_become_rows_of_a_profile():
    """Samples that are not numbered are numbered as they come."""
    line = {"query": "q", "agent": "a", "setting": "s", "score": 1, "answer": 4, "seconds": 2}

    found = profile_of(from_lines(f"{json.dumps(line)}\n\n{json.dumps(line)}\n", "t.jsonl"))

    cell = found.cell("a", "s")
    assert ([1.0, 1.0], [2.0, 2.0], ("4",)) == (
        cell.score.tolist(),
        cell.seconds.tolist(),
        found.answers,
    )


def test_spans_become_rows_of_a_profile():
    """Agent, model, tokens and time come from the conventions, problem and score from ours."""

    def attribute(key, value):
        kind = {str: "stringValue", int: "intValue", float: "doubleValue"}[type(value)]
        return {"key": key, "value": {kind: str(value) if kind == "intValue" else value}}

    call = {
        "name": "chat",
        "startTimeUnixNano": "1000000000",
        "endTimeUnixNano": "3500000000",
        "attributes": [
            attribute("gen_ai.request.model", "m"),
            attribute("gen_ai.agent.name", "solver"),
            attribute("gen_ai.usage.input_tokens", 7),
            attribute("gen_ai.usage.output_tokens", 3),
            attribute("compiledai.query", "q1"),
            attribute("compiledai.answer", "yes"),
        ],
        "events": [{"attributes": [attribute("gen_ai.evaluation.score.value", 0.75)]}],
    }
    spans = {"resourceSpans": [{"scopeSpans": [{"spans": [call, {"name": "http"}]}]}]}

    cell = profile_of(from_lines(json.dumps(spans), "o.jsonl")).cell("solver", "m")

    assert ([0.75], [2.5], [10]) == (
        cell.score.tolist(),
        cell.seconds.tolist(),
        cell.tokens.tolist(),
    )


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("{", "no JSON"),
        ("[]", "list"),
        ('{"query": "q", "agent": "a", "setting": "s", "answer": "x", "seconds": 1}', "no `score`"),
        (
            '{"query": 3, "agent": "a", "setting": "s", "score": 1, "answer": "x", "seconds": 1}',
            "query: 3",
        ),
        (
            '{"query": "q", "agent": "a", "setting": "s", "score": "1", "answer": "x", "seconds": 1}',
            "score: '1'",
        ),
        (
            '{"query": "q", "agent": "a", "setting": "s", "score": true, "answer": "x", "seconds": 1}',
            "score: True",
        ),
        ('{"model": "m"}', "the key `model`"),
    ],
)
def test_a_line_that_is_no_row_is_refused(line, found):
    """A row without a score, and one with another type, is an error with its line."""
    with pytest.raises(SpecError) as caught:
        from_lines(f"\n{line}", "t.jsonl")

    assert ("t.jsonl:2", True) == (str(caught.value.where), found in caught.value.found)


def test_flowcompile_measurements_become_rows():
    """Setting names become ours, and seconds are those of its own table of paces."""
    entry = {"problem": "p", "accuracy": 1.0, "avg_input_tokens": 100, "avg_output_tokens": 50}
    pace = {"m": [{"prefill_tok_per_s": 1000.0, "decode_tok_per_s": 500.0}]}

    found = profile_of(from_measurements({"solve": {"m_budget_10": [entry]}}, pace, "d.json"))

    assert [0.2] == found.cell("solve", "m@10").seconds.tolist()
