"""Passes that take calls out, merge them, or let them run side by side keep what a flow answers."""

from __future__ import annotations

import asyncio
import random
from types import SimpleNamespace

import pytest

from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.place import Place
from pytest_compiledai.workflows import graph
from pytest_compiledai.workflows.common import merged
from pytest_compiledai.workflows.common import twins
from pytest_compiledai.workflows.flowspec import read_flow
from pytest_compiledai.workflows.graph import Call
from pytest_compiledai.workflows.graph import Join
from pytest_compiledai.workflows.graph import Sequence
from pytest_compiledai.workflows.independent import side_by_side
from pytest_compiledai.workflows.independent import without_dead

np = pytest.importorskip("numpy", reason="the extra `workflows` is not installed")

A, B, C, D, E = CALLS = tuple(Call(name, name) for name in "abcde")


def flow(data):
    """Return the steps of a flow as a spec writes it."""
    return read_flow(data, lambda *_: Place(path="flow.yaml"), "abcde")


def rows(samples: int, seed: int = 0, queries: int = 12) -> list[dict]:
    """Return rows of five agents, on right inputs better than on wrong ones."""
    rng = random.Random(seed)
    return [
        {"agent": agent, "query": f"q{q}", "sample": n, "state": state, "seconds": rng.random(),
         "score": float(good), "answer": f"{agent} {good}"}
        for agent in "abcde"
        for q in range(queries)
        for state, chance in (("correct", 0.8), ("wrong", 0.2))
        for n in range(samples)
        for good in [rng.random() < chance]
    ]  # fmt: skip


def replayed(profile, step, *, width=None):
    """Return what a step gives at each agent's only setting."""
    from pytest_compiledai.workflows.deck import Decks
    from pytest_compiledai.workflows.deck import replicates_for
    from pytest_compiledai.workflows.replay import Replay

    decks = Decks(profile, draws=dict.fromkeys("abcde", 8), replicates=replicates_for(profile))
    return Replay(decks, width=width).run(graph.numbered(step), dict.fromkeys("abcde", "s"))


def reading_at_random(rng: random.Random) -> Sequence:
    """Return five calls, each of which reads some of the earlier ones."""
    reads = [tuple(sorted(rng.sample(range(n), rng.randint(0, min(2, n))))) for n in range(5)]
    return graph.reading(CALLS, tuple(reads))


def said(step) -> str:
    """Return what a flow answers when an agent answers with all that it is told."""
    from pytest_compiledai.workflows.running import Said
    from pytest_compiledai.workflows.running import _Runner

    async def ask(agent, setting, message):
        told = message.replace("\n", "|").replace("|The result so far:", "")
        return Said(f"{agent['prompt']}({told.removeprefix(agent['prompt'])})")

    offs = SimpleNamespace(data={"agents": {name: {"prompt": name} for name in "abcde"}})
    configuration = SimpleNamespace(settings=dict.fromkeys("abcde", "s"))
    return asyncio.run(_Runner(offs, configuration, {}, ask, None).step(step, None))


def test_steps_that_read_nothing_of_each_other_run_side_by_side():
    """Two calls that read the problem only become branches of a join before their reader."""
    step = flow({"sequence": ["a", {"step": "b", "reads": []}, {"step": "c", "reads": ["a", "b"]}]})

    assert graph.label(step) == "sequence(a, b of 0, c of 1+2)"
    assert side_by_side(step) == Sequence((Join((A, B)), C))


def test_a_call_that_two_others_read_goes_in_front_of_them():
    """What both branches need is asked once, before them."""
    step = graph.reading((A, B, C, D), ((), (0,), (0,), (1, 2)))

    assert side_by_side(step) == Sequence((A, Join((B, C)), D))


def test_a_sequence_that_no_tree_says_stays():
    """A result that is read beside its own reader cannot be a branch: nothing is rewritten."""
    step = graph.reading((A, B, C, D), ((), (), (0, 1), (0, 2)))

    assert side_by_side(step) == step


def test_a_call_that_nobody_reads_is_taken_out():
    """What leads to no answer is not asked."""
    step = flow({"sequence": ["a", "b", {"step": "c", "reads": ["a"]}]})

    assert without_dead(step) == Sequence((A, C))


@pytest.mark.parametrize("seed", range(12))
def test_what_is_read_decides_and_not_the_order(profile, seed):
    """Whatever reads whatever: same answers, call by call; no more time or cost; width is kept."""
    written = reading_at_random(random.Random(seed))
    alive = without_dead(written)
    tree = side_by_side(alive)
    of = profile(*rows(2))

    before, now, narrow = (replayed(of, written), replayed(of, tree), replayed(of, tree, width=1))

    assert np.array_equal(before.score, now.score)
    assert (now.seconds <= before.seconds + 1e-9).all()
    assert (now.cost <= before.cost + 1e-9).all()
    assert np.allclose(narrow.seconds, replayed(of, alive).seconds)
    assert said(written) == said(tree)


def test_branches_that_begin_alike_begin_together():
    """A join asks once what its branches would ask twice of the same input."""
    step = Join((Sequence((A, B)), Sequence((A, C)), D))

    assert merged(step, {}) == Join((Sequence((A, Join((B, C)))), D))


def test_agents_in_the_same_words_are_one():
    """Another name for the same prompt, models and settings is no other call."""
    same = twins({"a": {"prompt": "p", "models": ["m"]}, "b": {"prompt": "p", "models": ["m"]}})
    step = Join((Sequence((A, C)), Sequence((B, D))))

    assert merged(step, same) == Sequence((A, Join((C, D))))


@pytest.mark.parametrize(
    "step",
    [
        graph.Vote((A, A, A)),
        graph.Vote((Sequence((A, B)), Sequence((A, C)), D)),
        graph.Best((Sequence((A, B)), Sequence((A, C))), D),
        graph.Cascade(Sequence((A, B)), Sequence((A, C)), None, 1.0),
        graph.Loop((Sequence((A, B)), Sequence((A, B))), (), mends=False),
        graph.Map((A, A), "all", 2),
        Join((A, A)),
        Join((Sequence((A, B)), D, Sequence((A, C)))),
    ],
    ids=graph.label,
)
def test_draws_that_are_meant_to_differ_are_never_merged(step):
    """Samples of a vote, a judge, a cascade or a loop stay apart, and so does what has an order."""
    assert merged(step, {}) == step


@pytest.mark.parametrize("seed", range(3))
def test_a_merged_call_is_no_worse(profile, seed):
    """Alike where a call always answers alike; right at least as often where it varies."""
    step = Join((Sequence((A, B)), Sequence((A, C)), Sequence((A, D))))
    one, two = profile(*rows(1, seed, 200)), profile(*rows(2, seed, 200))

    (once, now), (varied, new) = (
        [replayed(of, each) for each in (step, merged(step, {}))] for of in (one, two)
    )

    assert np.array_equal(once.score, now.score)
    assert np.allclose(once.seconds, now.seconds)
    assert np.allclose(now.cost, once.cost - 0.02)
    assert new.score.mean() >= varied.score.mean()


@pytest.mark.parametrize(
    "sequence",
    [
        ["a", {"step": "b", "reads": ["c"]}],
        ["a", {"step": "b", "reads": ["a", "a"]}],
        ["a", {"step": "b", "reads": "a"}],
        ["a", "a", {"step": "b", "reads": ["a"]}],
        ["a", {"step": "b", "reads": [], "from": "a"}],
    ],
)
def test_a_step_reads_earlier_ones_by_name(sequence):
    """What is not one earlier step of the sequence is refused where it stands."""
    with pytest.raises(SpecError, match=r"flow\.yaml"):
        flow({"sequence": sequence})


def test_a_dead_agent_needs_no_rows_and_is_named(world):
    """A call that reaches no answer is not measured; the set says that it was left out."""
    from pytest_compiledai.workflows import artifact

    world.spec = world.spec.replace(
        "models: [small]}", "models: [small]}\n  idle: {prompt: x, models: [m]}"
    )
    world.spec = world.spec.replace(
        "    - sequence: [solver, reviewer]",
        "    - sequence: [solver, idle, {step: reviewer, reads: [solver]}]",
    )

    made = artifact.made(world.unit().body)

    assert b"idle: its results reach no answer" in made
    assert b"sequence(solver, reviewer)" in made
