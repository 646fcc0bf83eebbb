"""Intervals and margins: they hold as often as they say."""

from __future__ import annotations

import math

import pytest

np = pytest.importorskip("numpy", reason="the extra `workflows` is not installed")

from pytest_compiledai.core.interval import wilson  # noqa: E402
from pytest_compiledai.workflows.intervals import bootstrap  # noqa: E402
from pytest_compiledai.workflows.intervals import conformal_margin  # noqa: E402
from pytest_compiledai.workflows.intervals import new_sample  # noqa: E402
from pytest_compiledai.workflows.intervals import share_interval  # noqa: E402


def test_coin_throws_have_wilsons_interval():
    """A query that is right or wrong counts as one trial, but for the degree of freedom."""
    found, known = share_interval(np.array([1.0] * 81 + [0.0] * 182), 0.95), wilson(81, 263)

    assert (known.low, known.high) == pytest.approx((found.low, found.high), abs=0.001)


def test_all_right_is_not_certain():
    """Twenty right of twenty leave room below, where a bootstrap would see none."""
    assert wilson(20, 20).low == pytest.approx(share_interval(np.ones(20), 0.95).low)


def test_no_query_says_nothing():
    """Without queries every share is possible."""
    assert (0.0, 1.0) == (
        share_interval(np.array([]), 0.9).low,
        share_interval(np.array([]), 0.9).high,
    )


@pytest.mark.parametrize("spread", [0.3, 3.0])
def test_shares_of_new_queries_fall_within_the_stated_interval(spread):
    """At 90 % the mean over other queries lies inside at least about nine times of ten."""
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(400):
        p = rng.beta(2 * spread, spread, 260)
        one, other = rng.binomial(2, p[:130]) / 2, rng.binomial(2, p[130:]) / 2
        interval = new_sample(share_interval(one, 0.9), one.mean(), 130, 0.9)
        held += interval.low <= other.mean() <= interval.high

    assert held >= 0.88 * 400


def test_a_bootstrap_draws_the_same_queries_for_all():
    """Two configurations that differ by a constant differ by it in every resample."""
    found = bootstrap(np.array([[0.0, 0.5, 1.0], [0.1, 0.6, 1.1]]), seed=0, resamples=50)

    assert (found[:, 1] - found[:, 0]).tolist() == pytest.approx([0.1] * 50)


@pytest.mark.parametrize(("level", "rank"), [(0.5, 10), (0.9, 18), (0.95, 19)])
def test_a_conformal_margin_is_a_residual_of_its_rank(level, rank):
    """Of nineteen residuals the level's rank among twenty, whatever their signs."""
    residuals = [(-1) ** n * n for n in range(1, 20)]

    assert rank == conformal_margin(residuals, level)


def test_too_few_runs_give_no_margin():
    """Nine runs cannot say where 95 of 100 lie."""
    assert math.isinf(conformal_margin([0.1] * 9, 0.95))
