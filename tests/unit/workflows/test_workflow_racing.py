"""Racing: what is stopped is not needed, and what is chosen is what the whole grid would choose."""

from __future__ import annotations

import pytest

np = pytest.importorskip("numpy", reason="the extra `workflows` is not installed")

from pytest_compiledai.workflows.racing import LEAST  # noqa: E402
from pytest_compiledai.workflows.racing import race  # noqa: E402

QUERIES = 400


def table(seed: int):
    """Return scores and seconds of 12 settings: the slower, mostly, the better."""
    rng = np.random.default_rng(seed)
    hard = rng.normal(0, 1, QUERIES)
    skill = np.linspace(-1, 3, 12) + rng.normal(0, 0.7, 12)
    score = rng.random((12, QUERIES)) < 1 / (1 + np.exp(hard - skill[:, None]))
    seconds = np.linspace(1, 6, 12)[:, None] * rng.uniform(0.8, 1.2, (12, QUERIES))
    return score.astype(float), seconds


def raced(seed: int, targets, **options):
    score, seconds = table(seed)

    def measure(setting, queries):
        return score[setting, queries], seconds[setting, queries]

    return race(measure, settings=12, queries=QUERIES, targets=targets, **options)


def test_fewer_calls_choose_nearly_what_the_grid_chooses():
    """In 40 tables four of ten calls choose a setting within a point or two percent of seconds."""
    calls, same = [], []
    for seed in range(40):
        score, seconds = table(seed)
        accuracy, pace = score.mean(axis=1), seconds.mean(axis=1)
        target = float(np.quantile(accuracy, 0.6))
        found = raced(seed, [target])
        able = np.flatnonzero(accuracy >= target)
        grid, chosen = able[pace[able].argmin()], found.chosen[0]
        calls.append(found.calls / found.grid)
        same.append(
            chosen is not None
            and (
                abs(accuracy[chosen] - accuracy[grid]) <= 0.01
                or abs(pace[chosen] / pace[grid] - 1) <= 0.02
            )
        )

    assert np.mean(same) >= 0.95
    assert np.mean(calls) <= 0.4, np.mean(calls)


def test_all_certificates_of_a_race_hold_together():
    """In 40 races all means over all queries lie within the bounds of their stops, but for two."""
    held = 0
    for seed in range(40):
        accuracy = table(seed)[0].mean(axis=1)
        held += all(
            stop.accuracy[0] - 1e-9 <= accuracy[stop.setting] <= stop.accuracy[1] + 1e-9
            for stop in raced(seed, [0.6, 0.8]).stops
        )

    assert held >= 38


def test_who_is_surely_slower_than_the_leader_waits():
    """The slow of two that both seem to reach is measured no further while the fast one is."""
    score = np.stack([np.arange(QUERIES) % 5 > 0, np.ones(QUERIES)]).astype(float)
    asked = np.zeros(2, dtype=int)

    def measure(setting, queries):
        asked[setting] += len(queries)
        return score[setting, queries], np.full(len(queries), 1.0 + 2 * setting)

    found = race(measure, settings=2, queries=QUERIES, targets=[0.7])

    assert (0,) == found.chosen
    assert asked[1] == LEAST < asked[0]


def test_what_is_long_for_one_is_long_for_the_other():
    """One percent of seconds is told apart by pairs, where each alone varies a hundred times."""
    rng = np.random.default_rng(0)
    pace = rng.lognormal(0, 1, QUERIES)
    score = rng.random((2, QUERIES)) < 0.9

    def measure(setting, queries):
        return score[setting, queries].astype(float), pace[queries] * (1 + 0.01 * setting)

    found = race(measure, settings=2, queries=QUERIES, targets=[0.5])

    assert (0,) == found.chosen
    assert found.calls <= 4 * LEAST


def test_every_stop_has_a_reason_for_every_target():
    """A setting that one target may still need goes on."""
    targets = [0.5, 0.7, 0.9]

    assert all(len(s.because) == 3 and all(s.because) for s in raced(1, targets).stops)


def test_a_target_that_nobody_reaches_has_no_choice():
    """Nothing is chosen for a target above every setting."""
    assert (None,) == raced(0, [1.0]).chosen


def test_a_mean_that_is_the_target_reaches_it():
    """A setting whose mean over all queries is the target to the last bit is not ruled out."""
    accuracy = table(3)[0].mean(axis=1)
    target = float(accuracy.max())

    assert (int(accuracy.argmax()),) == raced(3, [target]).chosen
