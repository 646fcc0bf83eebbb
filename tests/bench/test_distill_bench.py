"""A short form of the campaigns on demonstrations and skills: their truths hold in small."""

from __future__ import annotations

from bench import demos
from bench import skill


def test_the_gate_lets_no_worse_cascade_pass():
    """The interval of the difference holds nearly always, and bad worlds do not pass."""
    found = demos.campaign(20, (60,), 1500)

    assert found["60"]["difference held"] >= 0.9
    assert found["60"]["lower bound of trust held"] >= 0.9
    assert found["60"]["bad passed"] <= 0.1


def test_rigid_metrics_are_told_from_free_ones():
    """Scores that follow the output are rigid, scores by chance are not."""
    found = skill.told(2, items=2, noises=(0.0, None))

    assert 1.0 == found["noise 0, majority"]
    assert found["free, majority"] <= 0.5


def test_validation_loses_less_than_either_paper():
    """A policy chosen on validation rows is nearer to the best than any that is fixed."""
    found = skill.chosen(300, (30,))

    lost = {way: found[f"lost, 30 rows, {way}"] for way in ("validation", "always rigid")}
    assert lost["validation"] < lost["always rigid"] / 2


def test_the_interval_of_a_lift_holds():
    """Nearly 95 of 100 intervals hold the truth."""
    assert skill.lifts(300, (30,))["lift held, 30 rows"] >= 0.9
