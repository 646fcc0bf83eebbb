"""Replaying steps from stored rows: every step by a case that can be counted by hand."""

from __future__ import annotations

import pytest

np = pytest.importorskip("numpy", reason="the extra `workflows` is not installed")

from pytest_compiledai.workflows import graph  # noqa: E402
from pytest_compiledai.workflows.deck import Decks  # noqa: E402
from pytest_compiledai.workflows.deck import replicates_for  # noqa: E402
from pytest_compiledai.workflows.graph import Call  # noqa: E402
from pytest_compiledai.workflows.replay import Replay  # noqa: E402
from pytest_compiledai.workflows.replay import Unprofiled  # noqa: E402
from pytest_compiledai.workflows.replay import makespan  # noqa: E402

A, B, C = (Call(name, name) for name in "abc")
CHOSEN = dict.fromkeys("abc", "s")


def replayed(profile, step, *, width=None, chosen=CHOSEN):
    """Return what a step gives, replayed from a profile."""
    draws = {call.agent: 8 for call in graph.calls(step)}
    decks = Decks(profile, draws=draws, replicates=replicates_for(profile))
    return Replay(decks, width=width).run(graph.numbered(step), chosen)


def right(agent: str, query: str = "q", **rest):
    return {"agent": agent, "query": query, "answer": "yes", "score": 1.0, **rest}


def wrong(agent: str, query: str = "q", *, answer: str | None = "no", **rest):
    return {"agent": agent, "query": query, "answer": answer, "score": 0.0, **rest}


def test_two_equal_wrong_answers_outvote_a_right_one(profile):
    """A vote counts answers, not right ones."""
    vote = graph.Vote((A, B, C))

    found = replayed(profile(right("a"), wrong("b"), wrong("c")), vote)

    assert (0.0, pytest.approx(2 / 3)) == (found.score.item(), found.share.item())


def test_a_tie_goes_to_the_branch_listed_first(profile):
    """Of answers with equally many votes the first branch's is taken."""
    rows = [right("a"), wrong("b"), wrong("c", answer="other")]

    firsts = [
        replayed(profile(*rows), graph.Vote(order)).score.item() for order in ((A, B, C), (B, A, C))
    ]

    assert [1.0, 0.0] == firsts


def test_missing_answers_do_not_vote(profile):
    """Two malformed answers are no majority."""
    rows = [right("a"), wrong("b", answer=None), wrong("c", answer=None)]

    assert replayed(profile(*rows), graph.Vote((B, C, A))).score.item() == 1.0


def test_branches_take_as_long_as_the_slowest_and_cost_their_sum(profile):
    """Side by side the times do not add up, the costs do; one at a time both do."""
    rows = [right("a", seconds=2.0, cost=1.0), right("b", seconds=3.0, cost=2.0)]
    vote = graph.Vote((A, B))

    both, alone = (replayed(profile(*rows), vote, width=width) for width in (None, 1))

    assert (3.0, 3.0) == (both.seconds.item(), both.cost.item())
    assert (5.0, 3.0) == (alone.seconds.item(), alone.cost.item())


def test_a_reviewer_is_replayed_on_the_state_of_the_draft(profile):
    """What a reviewer does with a wrong draft is taken from rows on wrong drafts."""
    rows = [right("a", "q1"), wrong("a", "q2")]
    for query in ("q1", "q2"):
        rows += [right("b", query, state="correct"), wrong("b", query, state="wrong")]
        rows += [wrong("c", query, state="correct"), right("c", query, state="wrong")]

    keeps, flips = (replayed(profile(*rows), graph.Sequence((A, b))) for b in (B, C))

    assert [1.0, 0.0] == keeps.score[0].tolist()
    assert [0.0, 1.0] == flips.score[0].tolist()


def test_an_unmeasured_wrong_input_is_not_taken_for_mended(profile):
    """Without rows on wrong inputs, a step after a wrong one is wrong."""
    rows = [wrong("a"), right("b")]

    assert replayed(profile(*rows), graph.Sequence((A, B))).score.item() == 0.0


def test_a_malformed_draft_is_a_state_of_its_own(profile):
    """Rows on malformed inputs answer for malformed inputs, not those on wrong ones."""
    rows = [wrong("a", answer=None), right("b")]
    rows += [wrong("b", state="wrong"), right("b", state="malformed")]

    assert replayed(profile(*rows), graph.Sequence((A, B))).score.item() == 1.0


def test_rows_of_other_queries_stand_in_where_one_has_none(profile):
    """A few rows on wrong inputs serve all queries; a right one is this query's right answer."""
    rows = [wrong("a", q) for q in ("q1", "q2")] + [right("b", q) for q in ("q1", "q2")]
    rows += [right("b", "q1", state="wrong")]

    found = replayed(profile(*rows), graph.Vote((graph.Sequence((A, B)), B)))

    assert [[1.0, 1.0]] == found.score.tolist()
    assert [[1.0, 1.0]] == found.share.tolist()


def test_a_judge_is_replayed_by_how_many_candidates_are_right(profile):
    """A judge that finds the one right candidate of two needs no luck with both right."""
    rows = [right("a", "q1"), right("b", "q1"), right("a", "q2"), wrong("b", "q2")]
    rows += [wrong("a", "q3"), wrong("b", "q3")]
    rows += [wrong("c", q, state="1/2") | {"seconds": 5.0} for q in ("q1", "q2", "q3")]
    rows += [right("c", q) for q in ("q1", "q2", "q3")]

    found = replayed(profile(*rows), graph.Best((A, B), C))

    assert [1.0, 0.0, 0.0] == found.score[0].tolist()
    assert [2.0, 6.0, 2.0] == found.seconds[0].tolist()


def test_a_judge_without_rows_is_refused(profile):
    """A judge is never assumed to be perfect."""
    rows = [right("a"), wrong("b"), right("c", state="0/2")]

    with pytest.raises(Unprofiled, match="1/2 right"):
        replayed(profile(*rows), graph.Best((A, B), C))


def test_a_router_takes_the_branch_it_names(profile):
    """Router and branch are looked up for the same query, so that their errors go together."""
    rows = [{"agent": "c", "query": "q1", "answer": "one"}]
    rows += [{"agent": "c", "query": "q2", "answer": "two"}]
    rows += [right("a", "q1"), wrong("a", "q2"), wrong("b", "q1"), right("b", "q2")]

    found = replayed(profile(*rows), graph.Route(C, ("one", "two"), (A, B)))

    assert [1.0, 1.0] == found.score[0].tolist()
    assert [2.0, 2.0] == found.seconds[0].tolist()


def test_a_cascade_pays_for_the_second_step_only_where_the_first_is_rejected(profile):
    """A gate is replayed on right and on wrong first results."""
    rows = [right("a", "q1"), wrong("a", "q2")]
    for query in ("q1", "q2"):
        rows += [right("b", query, seconds=10.0)]
        rows += [{"agent": "c", "query": query, "answer": "accept", "seconds": 0.5}]
        rows += [{"agent": "c", "query": query, "answer": "reject", "state": "wrong"}]

    found = replayed(profile(*rows), graph.Cascade(A, B, C, 0.0))

    assert [1.0, 1.0] == found.score[0].tolist()
    assert [1.5, 12.0] == found.seconds[0].tolist()


def test_a_cascade_asks_on_where_a_vote_disagrees(profile):
    """Without a gate, the share of the vote decides."""
    rows = [right("a", "q1"), right("b", "q1"), wrong("a", "q2"), wrong("b", "q2", answer="other")]
    rows += [right("c", "q1", cost=1.0), right("c", "q2", cost=1.0)]

    found = replayed(profile(*rows), graph.Cascade(graph.Vote((A, B)), C, None, 1.0))

    assert [1.0, 1.0] == found.score[0].tolist()
    assert [pytest.approx(0.02), pytest.approx(1.02)] == found.cost[0].tolist()


def test_a_loop_tries_again_until_the_scorer_is_content(profile):
    """A later try mends the result before, and is paid for only where that was wrong."""
    rows = [right("a", "q1"), wrong("a", "q2"), right("b", "q1"), wrong("b", "q2")]
    rows += [wrong("b", "q1", state="wrong"), right("b", "q2", state="wrong")]

    found = replayed(profile(*rows), graph.Loop((A, B, B), ()))

    assert [1.0, 1.0] == found.score[0].tolist()
    assert [1.0, 2.0] == found.seconds[0].tolist()


def test_a_loop_with_a_weak_check_keeps_what_the_check_accepts(profile):
    """A check that accepts a wrong result ends the loop with it."""
    rows = [wrong("a"), right("b", state="wrong"), right("b")]
    rows += [
        {"agent": "c", "answer": "accept", "state": "wrong"},
        {"agent": "c", "answer": "reject"},
    ]

    found = replayed(profile(*rows), graph.Loop((A, B), (C,)))

    assert (0.0, 2.0) == (found.score.item(), found.seconds.item())


@pytest.mark.parametrize(("keep", "expected"), [("all", 0.0), ("most", 1.0), ("mean", 2 / 3)])
def test_items_are_kept_as_told(profile, keep, expected):
    """A map of three items, one of them wrong, by each rule."""
    rows = [right("a"), wrong("b"), right("c")]

    found = replayed(profile(*rows), graph.Map((A, B, C), keep, 2))

    assert (expected, 2.0) == (pytest.approx(found.score.item()), found.seconds.item())


def test_waves_start_the_next_call_when_one_ends():
    """Four calls of 3, 1, 1 and 1 seconds, two at a time, take three seconds."""
    assert makespan(np.array([[3.0], [1.0], [1.0], [1.0]]), 2).item() == 3.0


def test_copies_take_different_samples(profile):
    """Two copies of a call never meet with the same sample of a query."""
    rows = [right("a", sample=0), wrong("a", sample=1)]

    found = replayed(profile(*rows), graph.Loop((A, A), (), mends=False))

    assert found.score.min() == 1.0


def test_two_agents_meet_in_every_pair_of_samples(profile):
    """Samples of two agents are combined freely: one right of two each gives a quarter both."""
    rows = [row(agent, f"q{n}", sample=s) for agent in "ab" for n in range(200)
            for s, row in enumerate((right, wrong))]  # fmt: skip

    found = replayed(profile(*rows), graph.Join((A, B)))

    assert found.score.mean() == pytest.approx(0.25, abs=0.02)
    per_query = found.score.mean(axis=0)
    assert ((per_query > 0) & (per_query < 0.5)).mean() > 0.95  # and so for each query


def test_copies_of_a_single_sample_are_taken_for_the_same(profile):
    """Where a query has one sample, nothing is gained from asking twice."""
    rows = [right("a", "q1"), wrong("a", "q2")]

    assert [1.0, 0.0] == replayed(profile(*rows), graph.Loop((A, A, A), (), mends=False)).score[
        0
    ].tolist()


def test_every_draw_is_the_same_in_any_order(profile):
    """A deck depends on the seed and what it holds, not on what was asked before."""
    rows = [row(agent, f"q{n}", sample=s) for agent in "ab" for n in range(9)
            for s, row in enumerate((right, wrong))]  # fmt: skip
    one, other = (Decks(profile(*rows), draws={"a": 3, "b": 3}, replicates=6) for _ in "xy")

    other.of("b", "s", "correct")

    first, second = one.of("a", "s", "correct"), other.of("a", "s", "correct")
    assert first.answer.tolist() == second.answer.tolist()


def test_each_step_has_its_part_of_the_cost(profile):
    """A call behind a gate counts as often as it is reached; parts add up to the whole."""
    from pytest_compiledai.workflows.costs import spent

    rows = [right("a", q, cost=0.01, seconds=2.0) for q in "qrst"]
    rows += [right("b", q, answer="accept" if q < "t" else "reject", cost=0.1) for q in "qrst"]
    rows += [right("c", q, cost=1.0, seconds=8.0) for q in "qrst"]
    of = profile(*rows)
    cascade = graph.Cascade(A, C, B, 0.0)

    decks = Decks(of, draws=dict.fromkeys("abc", 1), replicates=1)
    parts = list(spent(cascade, CHOSEN, decks))

    assert [("a", 1.0, 2.0), ("b", 1.0, 1.0), ("c", 0.25, 2.0)] == [
        (part.slot, part.calls, part.seconds) for part in parts
    ]
    whole = replayed(of, cascade).cost.mean()
    assert sum(part.usd for part in parts) == pytest.approx(whole)
