"""Picking from a trade-off set: by plain words, always by the lower end of accuracy."""

from __future__ import annotations

import json

import pytest

from pytest_compiledai.workflows.remade import differences
from pytest_compiledai.workflows.tradeoffs import Configuration
from pytest_compiledai.workflows.tradeoffs import NothingFits
from pytest_compiledai.workflows.tradeoffs import Range
from pytest_compiledai.workflows.tradeoffs import TradeOffs
from pytest_compiledai.workflows.tradeoffs import as_json
from pytest_compiledai.workflows.tradeoffs import read_tradeoffs


def made(name: str, low: float, seconds: float, usd: float, *, mean: float | None = None):
    middle = low + 0.02 if mean is None else mean
    return Configuration(
        id=name,
        label=f"{name} label",
        structure=0,
        settings={"solver": name},
        accuracy=Range(middle, low, min(1.0, middle + 0.02)),
        new_problems=Range(middle, low - 0.1, 1.0),
        seconds={"mean": seconds, "p50": seconds, "p95": 2 * seconds},
        p95=Range(2 * seconds, seconds, 3 * seconds),
        cost=Range(usd, usd, usd),
    )


OFFS = TradeOffs(
    (
        made("tiny", 0.50, 1.0, 0.001),
        made("small", 0.80, 2.0, 0.002),
        made("lucky", 0.79, 2.5, 0.0005, mean=0.99),  # a high mean of few problems
        made("large", 0.85, 8.0, 0.02),
        made("huge", 0.86, 40.0, 0.1),
    ),
    data={"chosen": {"main": "small", "none": None}},
)


def test_best_fastest_and_cheapest():
    """Accuracy counts by its lower end, so that a lucky mean is not the best."""
    assert ["huge", "tiny", "lucky"] == [
        OFFS.best().id,
        OFFS.fastest().id,
        OFFS.cheapest().id,
    ]


def test_prudence_waits_a_little_to_be_surer():
    """A second in ten is worth a target that is missed by none of ten, not eight times as long."""
    at = {"confidence": 0.9}
    barely, sure = made("barely", 0.8, 10.0, 0.1), made("sure", 0.84, 10.5, 0.1)
    slow = made("slow", 0.86, 80.0, 0.1)

    assert "sure" == TradeOffs((barely, sure, slow), data=at).prudent(accuracy=0.8).id
    assert "barely" == TradeOffs((barely, slow), data=at).prudent(accuracy=0.8).id
    with pytest.raises(NothingFits):
        TradeOffs((barely,), data=at).prudent(accuracy=0.81)


@pytest.mark.parametrize(
    ("bounds", "names"),
    [
        ({"accuracy": 0.8}, ["small", "large", "huge"]),
        ({"seconds": 4.0}, ["tiny", "small"]),
        ({"cost": 0.001}, ["tiny", "lucky"]),
        ({"accuracy": 0.8, "seconds": 16.0}, ["small", "large"]),
    ],
)
def test_bounds_keep_what_holds_them(bounds, names):
    """Seconds are those that the spec optimises, here the p95."""
    assert names == [configuration.id for configuration in OFFS.within(**bounds)]


def test_nothing_that_fits_is_an_error():
    """No configuration is picked that does not keep its bounds."""
    with pytest.raises(NothingFits):
        OFFS.within(accuracy=0.99).fastest()


def test_a_budget_is_divided_by_its_problems():
    """Twenty dollars for a thousand problems are two cents each."""
    assert "large" == OFFS.budget(usd=20.0, problems=1000).id


def test_utility_weighs_seconds_and_dollars():
    """Where time is dear a faster one wins, where it costs nothing the best."""
    assert ["huge", "small", "tiny"] == [
        OFFS.utility(second=second).id for second in (0.0, 0.005, 1.0)
    ]


def test_the_knee_is_where_time_buys_least_from():
    """After the small one, each further point of accuracy takes many times as long."""
    assert "small" == OFFS.knee().id


def test_a_configuration_by_id_and_by_name():
    """A name of the spec's `choose:` and an id give a configuration, anything else an error."""
    assert ("small", "large") == (OFFS["main"].id, OFFS["large"].id)
    with pytest.raises(KeyError):
        OFFS["other"]
    with pytest.raises(KeyError):
        OFFS["none"]


def test_the_table_has_a_line_a_configuration():
    """The table shows ids, intervals and settings."""
    lines = OFFS.table().splitlines()

    assert 6 == len(lines)
    assert "solver=small" in lines[2]


def test_a_set_survives_its_file():
    """What is written is read, figures to six digits."""
    value = {"configurations": [as_json(c) for c in OFFS], "latency": "p95"}

    again = read_tradeoffs(json.dumps(value).encode())

    assert value["configurations"] == [as_json(configuration) for configuration in again]
    assert (0.82, "small") == (again["small"].accuracy.mean, again["small"].settings["solver"])


def test_a_data_frame_has_a_row_a_configuration():
    """Columns are plain figures."""
    pytest.importorskip("polars", reason="the extra `workflows` is not installed")

    frame = OFFS.to_df()

    assert [c.id for c in OFFS] == frame["id"].to_list()
    assert [2.0, 4.0, 5.0, 16.0, 80.0] == frame["p95"].to_list()


@pytest.mark.parametrize(("stated", "again"), [(True, 1), (1, True), (1.0, 1), (0, False)])
def test_an_equal_value_of_another_type_is_a_difference(stated, again) -> None:
    """A frozen set that says true where 1 was made again was written by another hand."""
    assert [name for name, _ in differences({"n": [stated]}, {"n": [again]})] == ["set"]
    assert not list(differences({"n": [again]}, {"n": [again]}))
