"""What is chosen from measurements, and how they are kept."""

from __future__ import annotations

import pytest

from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.kernels.whole import measured
from pytest_compiledai.kernels.whole.backends import reason
from pytest_compiledai.kernels.whole.dataset import spread

EAGER = {"built_s": 0.0, "cosine": 1.0, "max_error": 0.0, "p50_ms": 4.0, "ratio": [1, 1, 1]}


def tried(**changes):
    """Return the figures of a back end that matches at twice eager's speed."""
    figures = {"built_s": 3.0, "cosine": 1.0, "max_error": 1e-7, "p50_ms": 2.0}
    return figures | {"ratio": [1.8, 2.0, 2.2]} | changes


@pytest.mark.parametrize(
    ("back_ends", "name"),
    [
        ({"a": tried()}, "a"),
        ({"a": tried(), "b": tried(ratio=[2.0, 3.0, 4.0])}, "b"),
        ({"a": tried(cosine=0.9)}, "eager"),
        ({"a": tried(max_error=0.5)}, "eager"),
        ({"a": tried(cosine=float("nan"))}, "eager"),
        ({"a": tried(ratio=[0.9, 1.5, 2.0])}, "eager"),
        ({"a": {"refused": "the operator aten.x: no"}}, "eager"),
        ({}, "eager"),
    ],
)
def test_the_fastest_that_matches_is_chosen(whole, back_ends, name):
    """It has to match and to beat eager beyond its interval; else eager stays."""
    bounds = whole.unit().body.bounds

    assert measured.chosen({"eager": EAGER} | back_ends, bounds) == name


def test_a_recording_is_of_one_source(whole):
    """What was measured for another architecture or shape is not taken."""
    unit = whole.unit()
    measured.write(unit.body, unit.source, {"eager": EAGER})

    assert measured.read(unit.body, unit.source) == {"eager": EAGER}
    assert measured.read(unit.body, "0" * 64) is None


@pytest.mark.parametrize("text", ["", "[]", '{"version": 2}', '{"version": 1, "source": "s"}'])
def test_a_recording_that_is_none_is_an_error(whole, text):
    """It says what to delete; nothing is chosen from it."""
    unit = whole.unit()
    unit.body.measured_file.parent.mkdir()
    unit.body.measured_file.write_text(text, encoding="utf-8")

    with pytest.raises(SpecError, match="recording of a search"):
        measured.read(unit.body, "s")


def test_a_recording_that_lacks_figures_is_an_error(whole):
    """A hand that took out a figure gets no choice."""
    unit = whole.unit()
    measured.write(unit.body, unit.source, {"eager": EAGER, "a": {"cosine": 1.0}})

    with pytest.raises(SpecError, match="KeyError"):
        measured.read(unit.body, unit.source)


def test_building_is_earned_back_by_what_each_call_saves():
    """Three seconds at two milliseconds a call are 1,500 calls; a slower one never pays."""
    slow = tried(p50_ms=5.0)

    assert measured.break_even({"eager": EAGER, "a": tried()}, "a") == 1500
    assert measured.break_even({"eager": EAGER, "a": slow}, "a") is None


def test_what_was_tried_in_vain_is_earned_back_as_well():
    """The seconds are those of the compile: of every back end that was built."""
    back_ends = {"eager": EAGER, "a": tried(), "b": tried(built_s=5.0), "c": {"refused": "no"}}

    assert measured.compile_s(back_ends) == 8.0
    assert measured.break_even(back_ends, "a") == 4000


def test_a_break_even_is_told_in_predictions_a_day():
    """A day more than a round number of days takes is a prediction more."""
    assert measured.pays_after(3000, 30) == "3,000 calls: 100 predictions a day over 30 days"
    assert measured.pays_after(3001, 30) == "3,001 calls: 101 predictions a day over 30 days"
    assert measured.pays_after(9, 30) == "9 calls: 1 prediction a day over 30 days"


@pytest.mark.parametrize(
    ("text", "lead"),
    [
        (
            "\x1b[31mNo ONNX function for <OpOverload(op='mine.twist')> mine::twist\x1b[0m",
            "mine::twist",
        ),
        ("could not translate aten.cumsum.default; see torch.onnx.export", "aten.cumsum.default"),
        ("Data-dependent control flow", ""),
    ],
)
def test_a_refusal_names_the_operator_and_no_interface(text, lead):
    """What could not be taken comes first, without the colours of a terminal."""
    told = reason(RuntimeError(text))

    assert told.startswith(f"the operator {lead}: " if lead else "RuntimeError: ")
    assert "\x1b" not in told


def test_a_line_says_in_what_a_back_end_computed(whole):
    """Less than the model's own precision is told beside the speed that it gave."""
    figures = tried(arithmetic="bf16")

    lines = measured.told({"eager": EAGER, "a": figures}, whole.unit().body.bounds)

    assert lines["a"] == "2.000 ms, 2.00 x eager, built in 3.0 s, in bf16"


@pytest.mark.parametrize(("count", "kept"), [(3, [0, 1, 2]), (8, [0, 2, 4, 6]), (9, [0, 2, 4, 6])])
def test_rows_to_measure_on_are_spread_over_the_dataset(count, kept):
    """Short rows are often at its beginning."""
    assert spread(range(count), 4) == kept
