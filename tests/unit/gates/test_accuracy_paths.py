"""Paths of the metric, and what reads neither as a day nor as an amount."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from pytest_compiledai.core.place import Place
from pytest_compiledai.core.schema import Schema
from pytest_compiledai.gates.fieldpath import field_paths
from pytest_compiledai.gates.literals import collect
from pytest_compiledai.gates.reading import read_day
from pytest_compiledai.gates.reading import read_money


def test_paths_reach_into_lists_unions_and_objects():
    """Every named value has a path, outer before inner."""
    line = {"type": "object", "properties": {"price": {"type": "number"}}}
    schema = Schema.parse(
        {
            "type": "object",
            "properties": {
                "lines": {"anyOf": [{"type": "array", "items": line}, {"type": "null"}]},
                "seller": {"type": "object", "properties": {"city": {"type": "string"}}},
            },
        },
        lambda *_: Place(path="x"),
        closed=True,
    )

    assert field_paths(schema) == ("lines", "lines[]", "lines[].price", "seller", "seller.city")


@pytest.mark.parametrize(
    "value",
    ["2024-13-01", "31 Foo 2024", "03/04/2024", "1.2.24", "", None, 20240305, "2024-3"],
)
def test_what_is_no_day_or_two_days_is_none(value):
    """A day is not guessed."""
    assert read_day(value) is None


def test_days_are_read_from_common_forms():
    """Forms of one day."""
    forms = ("2024/3/5", "5-Mar-2024", "5th of March 2024", "MARCH 5, 2024", "05.03.2024")
    day = dt.date(2024, 3, 5)

    assert [read_day(form) for form in forms] == [day, day, None, day, day]


@pytest.mark.parametrize(
    "value",
    ["", "EUR", "12 apples", "$5 USD", "1.2.3,4", "12,34,56", None, True, {"amount": 1}, [1]],
)
def test_what_is_no_amount_is_none(value):
    """An amount is not guessed."""
    assert read_money(value) is None


def test_an_object_whose_amount_names_another_currency_is_none():
    """Two currencies are no amount."""
    assert read_money({"amount": "$5", "currency": "EUR"}) is None
    assert read_money({"amount": "$5", "currency": "usd"}) == (Decimal(5), "USD")


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1,5", "1.5"),
        ("1 234,50", "1234.50"),
        ("1'234.50", "1234.50"),
        ("1.234.567", "1234567"),
        ("12-", "-12"),
        ("\u221212", "-12"),
        ("0.125", "0.125"),
    ],
)
def test_amounts_are_read_from_common_forms(text, amount):
    """Separators are told from decimal signs."""
    assert read_money(text) == (Decimal(amount), "")


@pytest.mark.parametrize(
    ("code", "values"),
    [
        ("X = 'a' * 3", ["aaa"]),
        ("X = -5", [-5]),
        ("X = 'a' + y", ["a"]),
        ("X = 'a\\nb'.splitlines()", ["a", "b", "a\nb"]),
        ("X = 'a b'.split()", ["a", "b", "a b"]),
        ("X = 'a,b'.split(',')", ["a", "b", "a,b", ","]),
        ("X = ','.join([y, 'b'])", [",", "b"]),
        ("X = True, None, 3", [3]),
        ("X = 'a' % 3", ["a", 3]),
        ("X = -y", []),
        ("X = 'a' * 10**9", ["a", 10, 9]),
    ],
)
def test_constants_are_folded(code, values):
    """What constants are put together to is what is compared."""
    assert [item.value for item in collect(code)] == values
