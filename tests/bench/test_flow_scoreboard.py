"""A short form of the scoreboard: the figures it prints hold in small."""

from __future__ import annotations

import pytest

np = pytest.importorskip("numpy", reason="the extra `workflows` is not installed")

from bench import flow_published  # noqa: E402
from bench import flow_score  # noqa: E402
from bench import flow_spaces  # noqa: E402
from bench import flow_speed  # noqa: E402
from bench import flow_truth  # noqa: E402
from bench import workflows  # noqa: E402

needs_answers = pytest.mark.skipif(
    not flow_spaces.available(), reason="no shared/data/flow beside the checkout"
)


def test_the_published_formula_is_that_of_means():
    """Two branches of a half each are three quarters, whatever their errors have in common."""
    assert flow_published.any_right(np.array([[0.5, 0.5]])) == pytest.approx([0.75])


def test_an_independent_majority_of_three():
    """Three voters of 0.6 each are right together with 0.648."""
    assert flow_published.majority(np.array([[0.6, 0.6, 0.6]])) == pytest.approx([0.648])


def test_the_published_space_has_its_size():
    """4.9 thousand million configurations, and 75 to the sixth with a setting a slot."""
    sizes = [
        flow_speed.configurations(step)
        for step in (flow_speed.published_space(), flow_speed.slots_space())
    ]

    assert [4_905_568_125, 75**6] == sizes


def test_a_perfect_prediction_has_no_error():
    """A prediction that is the truth has error 0, order 1, no regret and the whole front."""
    rng = np.random.default_rng(0)
    truth, seconds = rng.random(50), rng.random(50) + 0.1

    found = flow_score.score(truth, seconds, truth, seconds)

    assert (0, 1, 1, 0) == pytest.approx(
        (found["mae"], found["spearman"], found["hypervolume"], found["regret"])
    )


@pytest.mark.parametrize("k", [3, 5])
def test_two_samples_say_more_than_means(k):
    """In each family of worlds the moments are nearer to the truth than the formula of means."""
    found = flow_truth.any_of(k, 2, 12, 400)

    assert all(row["per query"] < row["published"] / 2 for row in found.values()), found
    assert all(row["no less"] <= row["open"] for row in found.values()), found
    assert min(row["held"] for row in found.values()) >= 80


def test_lower_bounds_miss_fewer_targets():
    """The fastest configuration by its lower bound misses fewer targets than by its mean."""
    found = flow_truth.missed(2, queries=850, samples=2)

    missed = [found[m]["missed"] for m in ("published", "per query", "lower bound, 90%")]
    assert missed == sorted(missed, reverse=True)
    assert missed[-1] < 10


@needs_answers
def test_votes_of_stored_answers_are_predicted_within_the_issues_bound():
    """On the hardest questions a vote of five is 3 points off at most, the formula ten times."""
    found = workflows.one_split(flow_spaces.answers("math-l5"), "5-vote", 0)

    assert found["per query"]["mae"] <= 3 < found["published"]["mae"] / 5
    assert found["per query"]["spearman"] >= 0.95
