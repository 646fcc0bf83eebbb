"""Profiles, flows, runs and files that lie: each is refused, with what to do next."""

from __future__ import annotations

import pytest

pytest.importorskip("polars", reason="the extra `workflows` is not installed")

from pytest_compiledai.core.errors import CompiledAIError
from pytest_compiledai.core.gate import Phase
from pytest_compiledai.workflows import artifact
from pytest_compiledai.workflows import judging
from pytest_compiledai.workflows.imports.graphs import drafted
from pytest_compiledai.workflows.kind import WorkflowKind
from pytest_compiledai.workflows.profile import profile_of
from pytest_compiledai.workflows.sense import faults
from pytest_compiledai.workflows.spoken import check_words

VOTE = "vote: {of: solver, copies: 3}"


def copied(world) -> None:
    """Sell each first sample a second time."""
    world.rows = [row | {"sample": n} for row in world.rows if row["sample"] == 0 for n in (0, 1)]


def each(world, change, **where) -> None:
    for row in world.rows:
        if all(row[key] == value for key, value in where.items()):
            row.update(change(row) if callable(change) else change)


def doubled(world) -> None:
    """Count each problem twice, under another id."""
    world.problems += [problem | {"id": f"{problem['id']}b"} for problem in world.problems]
    world.rows += [row | {"query": f"{row['query']}b"} for row in world.rows]


def respelled(world, old: str, new: str) -> None:
    world.spec = world.spec.replace(old, new)


def flow(world, new: str) -> None:
    respelled(world, VOTE, new)


ROWS = {
    "samples that are copies": (copied, "repeat an earlier one"),
    "a model that takes no time": (lambda w: each(w, {"seconds": 0.0}), "0 seconds in every row"),
    "a first token after the last": (
        lambda w: each(w, lambda row: {"ttft": 3 * row["seconds"]}),
        "a `ttft` after the end",
    ),
    "right answers that are missing": (
        lambda w: each(w, {"answer": None}, score=1.0),
        "a right answer that is empty",
    ),
    "rows without a name": (lambda w: each(w, {"query": ""}, query="p3"), "an empty `query`"),
}
WORDS = {
    "right answers like wrong ones": (
        lambda w: each(w, {"answer": "yes"}),
        "right answers of solver that read like wrong ones",
    ),
    "a router that names no branch": (
        lambda w: flow(w, "route: {by: reviewer, to: {easy: solver, hard: reviewer}}"),
        "no answer of reviewer at small that is easy or hard",
    ),
    "a gate without a verdict": (
        lambda w: flow(w, "cascade: {first: solver, gate: reviewer, then: solver}"),
        "no answer of reviewer at small that is accept or reject",
    ),
}
SPECS = {
    "problems that are copies": (doubled, "the problem of p0 again"),
    "copies of copies of copies": (
        lambda w: flow(w, "vote: {of: {vote: {of: {" + VOTE + "}, copies: 64}}, copies: 64}"),
        "12288 calls",
    ),
    "more structures than can be listed": (
        lambda w: flow(w, "join: [" + ", ".join(["{choice: [solver, reviewer]}"] * 40) + "]"),
        "1099511627778 structures",
    ),
    "a tool above the project": (
        lambda w: respelled(w, '{prompt: "Review', '{tool: "../e.py:run", prompt: "Review'),
        "../e.py:run",
    ),
    "an endpoint without a scheme": (
        lambda w: respelled(w, "large]}", "large], endpoint: //evil.example}"),
        "//evil.example",
    ),
    "a confidence of one": (
        lambda w: respelled(w, "choose:", "gates: {accuracy: {confidence: 1.0}}\nchoose:"),
        "1.0",
    ),
}


@pytest.mark.parametrize("lie", ROWS)
def test_rows_that_no_call_gave_are_found(world, lie):
    """Each value may stand there, and together they say what cannot have been measured."""
    tell, expected = ROWS[lie]
    assert list(faults(world.frame(*world.rows))) == []
    tell(world)

    assert any(expected in found for found, _ in faults(world.frame(*world.rows)))


def test_a_profile_is_refused_for_its_rows(world):
    """What is found of rows ends the reading of their file."""
    copied(world)

    with pytest.raises(CompiledAIError, match="repeat an earlier one"):
        artifact.made(world.unit().body)


@pytest.mark.parametrize("lie", WORDS)
def test_answers_that_the_flow_cannot_hear_are_refused(world, lie):
    """A branch, a verdict or a vote that no answer can give is not composed."""
    tell, expected = WORDS[lie]
    check_words(world.unit().body, profile_of(world.frame(*world.rows)))
    tell(world)

    with pytest.raises(CompiledAIError) as caught:
        check_words(world.unit().body, profile_of(world.frame(*world.rows)))

    assert (True, True) == (expected in caught.value.found, "Profile" in caught.value.next)


@pytest.mark.parametrize("lie", SPECS)
def test_specs_that_lie_are_refused(world, lie):
    """What would be too much, too narrow or out of the project is told with what to do next."""
    tell, expected = SPECS[lie]
    tell(world)

    with pytest.raises(CompiledAIError) as caught:
        world.unit()

    assert (True, True) == (expected in caught.value.found, bool(caught.value.next))


def run(**other):
    """Return one row of an end-to-end run."""
    row = {"query": "p1", "structure": "solver", "settings": '{"solver": "small"}', "score": 1.0}
    return row | {"seconds": 1.0, "cost": 0.0} | other


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ([run(), run(settings='{"solver":"small"}')], "spelled apart"),
        ([run(settings="[" * 5000)], "the settings"),
        ([run(settings='{"solver": ["small"]}')], "the settings"),
        ([run(structure="magic")], "the structure 'magic'"),
        ([run(query="nobody's")], "a run on"),
        ([run(query=f"p{n}", settings="{}") for n in range(150)], "with the slots"),
    ],
)
def test_runs_of_what_is_no_configuration_are_refused(world, rows, found):
    """One configuration counted ten times would calibrate a margin of its own."""
    from pytest_compiledai.workflows.runs import write_runs

    world.spec += "runs: answer.runs.parquet\n"
    unit = world.unit()
    unit.body.runs_file.write_bytes(write_runs(rows))

    with pytest.raises(CompiledAIError) as caught:
        artifact.made(unit.body)

    assert found in caught.value.found


def test_a_few_test_problems_prove_nothing(world):
    """With two test problems nearly every figure would agree, so the accuracy gate fails."""
    for number, problem in enumerate(world.problems):
        problem["split"] = "test" if number < 2 else "train"
    unit = world.unit()
    candidate = WorkflowKind().propose(unit, (), sample=0, asking=None)

    verdict = judging.judge("accuracy", unit.body, candidate, Phase.ACCEPT)

    assert ["accuracy.few"] == [finding.rule for finding in verdict.findings]


def test_a_password_in_an_address_is_a_secret(world):
    """A named host does not excuse what stands before it."""
    world.spec = world.spec.replace("large]}", "large], endpoint: 'https://u:pw@a.example/v1'}")
    world.spec += "hosts: [a.example]\n"
    unit = world.unit()
    candidate = WorkflowKind().propose(unit, (), sample=0, asking=None)

    verdict = judging.judge("security", unit.body, candidate, Phase.SELECT)

    assert ["security.secret"] == [finding.rule for finding in verdict.findings]


@pytest.mark.parametrize(
    "edges",
    [[("a", "b"), ("b", "a"), ("b", "__end__")], [("a", "zzz")], [("a", "a2")]],
    ids=["a circle", "a node that is none", "no result"],
)
def test_an_imported_graph_that_is_none_is_refused(edges):
    """Code in a node is data, and a graph without a way through it is refused."""
    code = {"kwargs": {"code": "raise SystemExit"}, "id": ["__import__('os').abort()"]}
    nodes = [{"id": name, "data": code} for name in ("__start__", "a", "a2", "b", "__end__")]
    drawn = [{"source": a, "target": b} for a, b in [("__start__", "a"), *edges]]

    with pytest.raises(CompiledAIError) as caught:
        drafted({"nodes": nodes, "edges": drawn}, "graph.json")

    assert "Importing" in caught.value.next
