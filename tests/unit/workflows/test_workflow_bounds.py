"""Bounds without joint measurements hold for every way in which errors may go together."""

from __future__ import annotations

import pytest

np = pytest.importorskip("numpy", reason="the extra `workflows` is not installed")

from pytest_compiledai.core.interval import Interval  # noqa: E402
from pytest_compiledai.workflows import graph  # noqa: E402
from pytest_compiledai.workflows.bounds import bounds  # noqa: E402
from pytest_compiledai.workflows.deck import Decks  # noqa: E402
from pytest_compiledai.workflows.graph import Call  # noqa: E402
from pytest_compiledai.workflows.replay import Replay  # noqa: E402

A, B, C = (Call(name, name) for name in "abc")
STEPS = {
    "call": A,
    "sequence": graph.Sequence((A, B, C)),
    "join": graph.Join((A, B, C)),
    "vote": graph.Vote((A, B, C)),
    "best": graph.Best((A, B), C),
    "cascade": graph.Cascade(graph.Vote((A, B)), C, None, 1.0),
    "gated": graph.Cascade(A, B, C, 0.0),
    "loop": graph.Loop((A, B, C), (), mends=False),
    "mended": graph.Loop((A, B), (), mends=True),
    "checked": graph.Loop((A, B), (C,), mends=True),
    "all": graph.Map((A, B, C), "all", 3),
    "most": graph.Map((A, B, C), "most", 3),
    "mean": graph.Map((A, B, C), "mean", 3),
    "nested": graph.Sequence((graph.Vote((A, B)), C)),
}


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("seed", range(6))
def test_what_a_step_gives_is_within_its_bounds(profile, name, seed):
    """Whether errors go together, apart or freely, replaying stays inside the bounds."""
    rng = np.random.default_rng(seed)
    step, rows, means = STEPS[name], [], {}
    shared = rng.random(40)
    for agent in "abc":
        for state in ("correct", "wrong"):
            own = (shared, 1 - shared, rng.random(40))[rng.integers(3)]
            right = own < rng.random()
            means[agent, state] = float(right.mean())
            rows += [
                {
                    "agent": agent,
                    "query": f"q{n:02}",
                    "state": state,
                    "score": float(good),
                    "answer": ("accept" if rng.random() < 0.5 else "reject")
                    if agent == "c" and name in ("gated", "checked")
                    else "yes"
                    if good
                    else f"no {rng.integers(2)}",
                }
                for n, good in enumerate(right)
            ]

    found = Replay(Decks(profile(*rows), draws=dict.fromkeys("abc", 3), replicates=1)).run(
        graph.numbered(step), dict.fromkeys("abc", "s")
    )

    def known(call, state):
        return Interval(low=means[call.agent, state], high=means[call.agent, state])

    interval = bounds(step, known)
    assert interval.low - 1e-9 <= found.score.mean() <= interval.high + 1e-9


def test_bounds_are_reached():
    """Two of a half each may be right together always or never."""
    half = Interval(low=0.5, high=0.5)

    found = bounds(graph.Join((A, B)), lambda *_: half)

    assert (0.0, 0.5) == (found.low, found.high)
