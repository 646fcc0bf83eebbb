"""What two samples a query say about three and five: against a generator with known truth."""

from __future__ import annotations

import math

import pytest

np = pytest.importorskip("numpy", reason="the extra `workflows` is not installed")

from pytest_compiledai.workflows import graph  # noqa: E402
from pytest_compiledai.workflows.compose import Composer  # noqa: E402
from pytest_compiledai.workflows.compose import one_sided  # noqa: E402
from pytest_compiledai.workflows.deck import Decks  # noqa: E402
from pytest_compiledai.workflows.moments import Beta  # noqa: E402
from pytest_compiledai.workflows.moments import Moments  # noqa: E402
from pytest_compiledai.workflows.moments import Two  # noqa: E402
from pytest_compiledai.workflows.moments import any_of  # noqa: E402
from pytest_compiledai.workflows.moments import beta  # noqa: E402
from pytest_compiledai.workflows.moments import ends  # noqa: E402
from pytest_compiledai.workflows.moments import majority_of_three  # noqa: E402
from pytest_compiledai.workflows.moments import moments  # noqa: E402
from pytest_compiledai.workflows.plan import Plan  # noqa: E402
from pytest_compiledai.workflows.replay import Replay  # noqa: E402


def test_two_samples_give_unbiased_moments():
    """Counts of 0, 1 and 2 right of two are the moments of a fair mixture."""
    assert Moments(m1=0.5, m2=0.25) == moments(np.array([0, 1, 1, 2]), np.array([2, 2, 2, 2]))


def test_single_samples_give_no_moments():
    """One sample a query does not say how samples of a query differ."""
    assert moments(np.array([1, 0]), np.array([1, 1])) is None


@pytest.mark.parametrize("k", [1, 3, 5])
def test_the_beta_model_has_the_published_form(k):
    """For Beta(1, 1) the chance of one right of k is k / (k + 1)."""
    assert Beta(mean=0.5, weight=2.0).any_of(k) == pytest.approx(k / (k + 1))


def test_the_ends_of_the_beta_model():
    """Queries that are all alike are coin throws; queries that are 0 or 1 gain nothing."""
    alike, certain = beta(Moments(m1=0.5, m2=0.25)), beta(Moments(m1=0.5, m2=0.5))

    assert (math.inf, 0.0) == (alike.weight, certain.weight)
    assert (0.875, 0.5) == (alike.any_of(3), certain.any_of(3))


@pytest.mark.parametrize("chances", [[0.2, 0.9], [0.1, 0.5, 0.5, 1.0], [0.3], [0.0, 1.0], [1.0]])
def test_bounds_from_two_moments_hold(chances):
    """Whatever the queries' chances, one of k and two right of three lie within the bounds."""
    p = np.array(chances)
    found = Moments(m1=float(p.mean()), m2=float((p**2).mean()))

    for k in (2, 3, 5, 9):
        low, high = any_of(found, k)
        assert low - 1e-12 <= float((1 - (1 - p) ** k).mean()) <= high + 1e-12
    low, high = majority_of_three(found)
    assert low - 1e-12 <= float((3 * p**2 - 2 * p**3).mean()) <= high + 1e-12


def test_no_narrower_bounds_hold():
    """Queries of two kinds reach either end: some never right, or some always."""
    for never, chances in ((True, [0.0, 0.6]), (False, [0.4, 1.0])):
        p = np.array(chances)
        low, high = any_of(Moments(m1=float(p.mean()), m2=float((p**2).mean())), 5)

        assert float((1 - (1 - p) ** 5).mean()) == pytest.approx(low if never else high)


def test_the_extreme_shapes_have_the_moments():
    """Both have the moments that were found, and reach either end of the bounds."""
    found = Moments(m1=0.6, m2=0.45)
    low, high = any_of(found, 5)

    for two, bound in zip(ends(found), (low, high), strict=True):
        p, share = np.array([two.first, two.second]), np.array([two.share, 1 - two.share])
        assert ((share * p).sum(), (share * p**2).sum()) == pytest.approx((0.6, 0.45))
        assert float((share * (1 - (1 - p) ** 5)).sum()) == pytest.approx(bound)


def test_an_extreme_shape_learns_from_what_was_drawn():
    """A query that was right once is none of those that are never right."""
    never = Two(share=0.5, first=0.0, second=0.8)

    assert [0.8 * 0.04 / (0.5 / 0.5 + 0.04), 0.8] == pytest.approx(
        never.next(np.array([0, 1]), 2).tolist()
    )


def test_an_interval_holds_whatever_the_shape(profile):
    """Five tries of two kinds of queries lie outside what pairs and a Beta give, and inside this."""
    rng = np.random.default_rng(2)
    p = np.where(rng.random(1500) < 0.5, 0.9, 0.15)
    rows = [
        {"query": f"q{n}", "sample": s, "score": float(rng.random() < p[n]), "answer": f"{s}"}
        for n in range(1500)
        for s in range(2)
    ]
    flow = graph.numbered(graph.Loop((graph.Call("a", "a"),) * 5, (), mends=False))
    plan = Plan(
        flow=flow, settings={"a": ("s",)}, latency="p95", width=None, confidence=0.9, wishes={}
    )
    composer = Composer(plan, profile(*rows))
    (five,) = [n for n, s in enumerate(composer.structures) if len(tuple(graph.calls(s))) == 5]
    measured = composer.measure(five, {"a": "s"})
    truth = float((1 - (1 - p) ** 5).mean())

    narrow = one_sided(measured.accuracy, 0.9)
    wide = composer._interval(five, {"a": "s"}, measured)

    assert not narrow.low <= truth <= narrow.high
    assert wide.low <= truth <= wide.high


@pytest.mark.parametrize("k", [3, 5])
def test_replay_goes_on_beyond_stored_samples(profile, k):
    """From two samples of 3,000 queries, one right of k is met within two points of the truth."""
    rng = np.random.default_rng(4)
    p = rng.beta(0.8, 1.1, 3000)
    rows = [
        {"query": f"q{n}", "sample": s, "score": float(rng.random() < p[n]), "answer": f"{s}"}
        for n in range(3000)
        for s in range(2)
    ]
    step = graph.numbered(graph.Loop((graph.Call("a", "a"),) * k, (), mends=False))

    found = Replay(Decks(profile(*rows), draws={"a": k}, replicates=24)).run(step, {"a": "s"})

    # The queries themselves are a draw, so the truth is that of these queries.
    assert found.score.mean() == pytest.approx(float((1 - (1 - p) ** k).mean()), abs=0.02)


def test_two_samples_do_not_tell_one_right_of_five():
    """Two populations give two samples alike and five not: no estimate suits both to 3.5 points."""
    share, high, low = 0.2, 0.9, 0.15
    found = Moments(
        share * high + (1 - share) * low, share * high**2 + (1 - share) * low**2
    )  # and so the chances of none, one and two right of two

    kinds = 1 - share * (1 - high) ** 5 - (1 - share) * (1 - low) ** 5
    spread = beta(found).any_of(5)

    least, most = any_of(found, 5)
    assert kinds - spread > 2 * 0.035
    assert least <= spread < kinds <= most
