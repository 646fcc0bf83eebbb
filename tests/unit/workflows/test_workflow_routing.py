"""Routing by neighbours: it finds regions where another configuration wins, and says what it pays."""

from __future__ import annotations

import pytest

np = pytest.importorskip("numpy", reason="the extra `workflows` is not installed")

from pytest_compiledai.workflows.routing import Neighbours  # noqa: E402


def regions(seed: int, *, told: bool):
    """Return features and worth of two configurations, each good on one side of the first feature."""
    rng = np.random.default_rng(seed)
    features = rng.normal(0, 1, (300, 3)) * [1.0, 100.0, 0.0]
    side = features[:, 0] > 0 if told else rng.random(300) > 0.5
    chance = np.where([side, ~side], 0.95, 0.4)
    return features, (rng.random((2, 300)) < chance).astype(float)


def test_neighbours_find_where_another_configuration_wins():
    """Far on either side the right configuration is chosen, whatever the scale of features."""
    router = Neighbours(*regions(0, told=True))

    chosen = [router.choose(np.array([x, 0.0, 0.0])) for x in (1.5, -1.5)]

    assert [0, 1] == chosen


def test_routing_pays_where_features_tell():
    """Its worth lies between the best single configuration and the best that could be picked."""
    found = Neighbours(*regions(1, told=True)).assessed()

    assert found.single < found.routed <= found.oracle
    assert found.pays
    assert found.regret == pytest.approx(found.oracle - found.routed)


def test_routing_does_not_pay_where_features_say_nothing():
    """In 30 worlds without information it is hardly ever called better."""
    paid = [Neighbours(*regions(seed, told=False)).assessed().pays for seed in range(30)]

    assert sum(paid) <= 6  # at 90 % three are expected


@pytest.mark.parametrize(
    ("features", "worth", "k"),
    [
        (np.zeros((5, 2)), np.zeros((2, 4)), 2),
        (np.zeros(5), np.zeros((2, 5)), 2),
        (np.zeros((5, 2)), np.zeros((2, 5)), 5),
        (np.full((5, 2), np.nan), np.zeros((2, 5)), 2),
    ],
)
def test_what_does_not_fit_is_refused(features, worth, k):
    """Other problems than features, too many neighbours and a missing figure are errors."""
    with pytest.raises(ValueError, match=r"\w"):
        Neighbours(features, worth, k=k)


def test_a_router_picks_configurations_of_a_frozen_set(world):
    """Easy problems go to the fast call and hard ones to the slow, by a feature that tells."""
    from pytest_compiledai.workflows import artifact
    from pytest_compiledai.workflows.profile import profile_of
    from pytest_compiledai.workflows.routing import Router
    from pytest_compiledai.workflows.tradeoffs import read_tradeoffs

    hard = {f"p{n}": float(n % 2) for n in range(150)}
    for row in world.rows:
        if row["agent"] == "solver":
            good = row["setting"] == "large" or not hard[row["query"]]
            row.update(score=float(good), answer="right" if good else "wrong")
    offs = read_tradeoffs(artifact.made(world.unit().body))
    features = {query: [value] for query, value in hard.items()}

    router = Router(offs, profile_of(world.frame(*world.rows)), features, second=0.05)

    easy, other = (router.choose([value]).settings["solver"] for value in (0.0, 1.0))
    assert ("small", "large") == (easy, other)
    assert router.assessed().pays
