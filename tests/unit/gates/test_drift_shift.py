"""Shift of inputs: bins, the index, new categories and nulls."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

from pytest_compiledai.core.interval import chi_square_quantile
from pytest_compiledai.core.interval import trials_to_show
from pytest_compiledai.core.interval import wilson
from pytest_compiledai.core.place import Place
from pytest_compiledai.core.schema import Schema
from pytest_compiledai.gates import shift as shifts


def schema(**properties: Any) -> Schema:
    data = {"type": "object", "properties": properties, "additionalProperties": False}
    return Schema.parse(data, lambda *_: Place(path="s"))


def compared(given: Schema, golden: list[Any], calls: list[Any], bin_rows: int = 10):
    """Return the shifts by path."""
    rows = [shifts.observed(given.node, value) for value in golden]
    fields = shifts.fields_of(rows, bins=10, bin_rows=bin_rows)
    seen = [shifts.observed(given.node, value) for value in calls]
    found = shifts.compare(fields, seen, chance=0.01, half=0.5, named=5)
    return {shift.field.path: shift for shift in found}


def rows(name: str, values: Any) -> list[dict[str, Any]]:
    return [{name: value} for value in values]


def test_the_index_is_its_formula():
    """Two categories, 30 : 10 against 10 : 30, with half a count added to each bin."""
    given = schema(x={"enum": ["a", "b"]})

    found = compared(given, rows("x", "a" * 30 + "b" * 10), rows("x", "a" * 10 + "b" * 30))["x"]

    p, q = 30.5 / 41, 10.5 / 41
    assert found.psi == pytest.approx(2 * (p - q) * math.log(p / q))
    assert found.risen() == '"b"'


def test_equal_shares_have_no_index():
    """Twice as many calls with the same shares are no shift."""
    given = schema(x={"enum": ["a", "b"]})
    golden = rows("x", "ab" * 500)

    assert compared(given, golden, golden * 2)["x"].psi == pytest.approx(0, abs=1e-6)


def test_the_critical_value_grows_where_there_are_few_rows():
    """What is chance among 20 golden rows is none among 2,000."""
    given = schema(x={"enum": ["a", "b"]})
    few = compared(given, rows("x", "ab" * 10), rows("x", "ab" * 50))["x"]
    many = compared(given, rows("x", "ab" * 1000), rows("x", "ab" * 1000))["x"]

    assert few.critical == pytest.approx((1 / 20 + 1 / 100) * 6.635, rel=0.03)
    assert many.critical < 0.01


def test_too_few_golden_rows_have_no_index():
    """Nineteen rows make no two bins of ten."""
    given = schema(x={"enum": ["a", "b"]})

    assert compared(given, rows("x", "a" * 10 + "b" * 9), rows("x", "b" * 90))["x"].psi is None


def test_chance_alone_rarely_passes_the_critical_value():
    """Of 300 samples of one distribution at most 3 % are beyond a critical value for 1 %."""
    draw = random.Random(7)
    given = schema(n={"type": "integer"})
    beyond = 0
    for _ in range(300):
        golden, calls = ([draw.randrange(10_000) for _ in range(n)] for n in (60, 100))
        found = compared(given, rows("n", golden), rows("n", calls))["n"]
        beyond += found.psi > found.critical

    assert beyond <= 9


def test_numbers_fall_into_intervals_of_equal_shares():
    """Ten bins of ten golden rows each, and one for what lies beyond all of them."""
    given = schema(n={"type": "number"})

    found = compared(given, rows("n", range(100)), rows("n", range(90, 190)))["n"]

    assert set(found.field.golden.values()) == {10}
    assert {"0 to below 10", "90 to 99"} <= set(found.field.golden)
    assert "above 99" == found.risen()


def test_a_number_no_double_can_hold_falls_into_a_bin():
    """Integers of strangers are compared, not converted."""
    given = schema(n={"type": "integer"})

    found = compared(given, rows("n", range(40)), rows("n", [10**400, -(10**400)]))["n"]

    assert {"above 39": 1, "below 0": 1} == found.counts


def test_free_text_is_compared_by_length():
    """Texts that differ from row to row have no categories; long ones instead of short are seen."""
    given = schema(t={"type": "string"})
    golden = rows("t", ("x" * (5 + n % 20) + str(n) for n in range(60)))

    found = compared(given, golden, rows("t", (f"{n}" * 90 for n in range(60))))["t"]

    assert found.field.categories is None
    assert "characters" in found.risen()
    assert found.psi > found.critical
    assert found.fresh_calls == 0


def test_new_categories_are_counted_and_named():
    """A text field with few values has categories; those no golden row has are named."""
    given = schema(r={"type": "string"})

    found = compared(given, rows("r", ["eu", "us"] * 20), rows("r", ["eu"] * 8 + ["uk", "\x1b[2J"]))

    assert {'"uk"': 1, '"\\u001b[2J"': 1} == found["r"].fresh
    assert 2 == found["r"].fresh_calls


def test_categories_seen_once_are_counted():
    """Four of forty golden rows have a category of their own."""
    given = schema(r={"type": "string"})
    golden = rows("r", ["eu"] * 36 + ["a", "b", "c", "d"])

    assert 4 == compared(given, golden, golden)["r"].field.once


def test_null_and_absent_are_bins_of_their_own():
    """A field that is no longer sent is not the same as one that is null."""
    given = schema(x={"type": ["integer", "null"]}, y={"type": "integer"})
    golden = [{"x": n, "y": n} for n in range(40)]

    found = compared(given, golden, [{"x": None}, {"y": 1}])

    assert {"null": 1, "absent": 1} == found["x"].counts
    assert (0, 2) == found["x"].nulls()
    assert (0, 1) == found["y"].nulls()


def test_fields_inside_lists_and_objects_are_walked():
    """Items count in parts, so that one long call is one call."""
    item = {"type": "object", "properties": {"sku": {"enum": ["a", "b"]}}, "required": ["sku"]}
    given = schema(lines={"type": "array", "items": item})
    golden = [{"lines": [{"sku": "a"}]} for _ in range(40)]

    found = compared(given, golden, [{"lines": [{"sku": "a"}] * 3 + [{"sku": "b"}]}])

    assert {"lines[] count", "lines[].sku"} <= set(found)
    assert 1 == pytest.approx(sum(found["lines[].sku"].counts.values()))


def test_properties_nobody_named_are_one_field():
    """Keys that strangers choose make no fields."""
    given = Schema.parse(
        {"type": "object", "additionalProperties": {"type": "string"}}, lambda *_: Place(path="s")
    )
    golden = [{"a": "x", "b": "y"} for _ in range(40)]

    found = compared(given, golden, [{f"key{n}": "x"} for n in range(1000)])

    assert {"*"} == set(found)


def test_redacted_texts_are_in_no_bin():
    """What was taken out is neither a new category nor another length."""
    given = schema(r={"type": "string"})

    found = compared(given, rows("r", ["eu", "us"] * 20), rows("r", ["[redacted]"] * 30))["r"]

    assert (0, 0, None) == (found.calls, found.fresh_calls, found.psi)


def test_true_is_not_one():
    """JSON's true, 1 and 1.0 fall into the bins that JSON says."""
    given = schema(x={"type": ["boolean", "integer"]})
    golden = rows("x", [True] * 20 + [1] * 20)

    assert {"true": 20, "1": 20} == compared(given, golden, golden)["x"].counts


@pytest.mark.parametrize(
    ("share", "bar", "fewest"), [(1.0, 0.95, 73), (1.0, 0.9, 35), (0.98, 0.95, 203)]
)
def test_the_trials_that_show_a_bar_are_the_fewest(share, bar, fewest):
    """One trial less puts the interval's low end below the bar."""
    assert fewest == trials_to_show(share, bar)
    if share == 1.0:
        assert wilson(fewest, fewest).low >= bar > wilson(fewest - 1, fewest - 1).low


def test_no_number_of_trials_shows_what_is_not_there():
    """A share at the bar or below it never shows it."""
    assert [None, None] == [trials_to_show(1.0, 1.0), trials_to_show(0.9, 0.95)]
    assert 1 == trials_to_show(0.0, 0.0)


@pytest.mark.parametrize(
    ("probability", "degrees", "expected"),
    [(0.99, 1, 6.635), (0.99, 4, 13.277), (0.99, 9, 21.666), (0.999, 9, 27.877), (0.95, 3, 7.815)],
)
def test_quantiles_of_chi_square_agree_with_tables(probability, degrees, expected):
    """The approximation is within 3 % of the printed tables."""
    assert chi_square_quantile(probability, degrees) == pytest.approx(expected, rel=0.03)
