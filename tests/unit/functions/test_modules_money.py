"""The library's money: marks and codes on both sides, signs, and the formats of countries."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

QUIET = settings(max_examples=200, deadline=None, derandomize=True, database=None)


def shown(value) -> str | None:
    return None if value is None else f"{value.amount} {value.currency}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$1,234.50", "1234.50 USD"),
        ("1.234,50 EUR", "1234.50 EUR"),
        ("EUR1.234,50", "1234.50 EUR"),
        ("\u20ac 5", "5 EUR"),
        ("5\u20ac", "5 EUR"),
        ("-5 \u20ac", "-5 EUR"),
        ("\u22125 \u20ac", "-5 EUR"),
        ("-$5", "-5 USD"),
        ("$-5", "-5 USD"),
        ("$5-", "-5 USD"),
        ("5 \u20ac-", "-5 EUR"),
        ("($5.00)", "-5.00 USD"),
        ("(USD 3k)", "-3000 USD"),
        ("\u20ac1.234", "1234 EUR"),
        ("1,234 \u20ac", "1234 EUR"),
        ("0.500 \u20ac", "0.500 EUR"),
        ("1234.567 \u20ac", "1234.567 EUR"),
        ("US$ 5", "5 USD"),
        ("C$5", "5 CAD"),
        ("$5 CAD", "5 CAD"),
        ("AUD $5", "5 AUD"),
        ("USD $5", "5 USD"),
        ("\u00a5500", "500 JPY"),
        ("\u00a5500 CNY", "500 CNY"),
        ("5 dollars", "5 USD"),
        ("five dollars", "5 USD"),
        ("Rs. 1,00,000", "100000 INR"),
        ("CHF 1'234.50", "1234.50 CHF"),
        ("CHF 12.-", "12 CHF"),
        ("12,- \u20ac", "12 EUR"),
        ("1 234,56 z\u0142", "1234.56 PLN"),
        ("\u00a32.5m", "2500000 GBP"),
        ("\u20ac2 million", "2000000 EUR"),
        ("12.50", "12.50 None"),
        ("eur 5", "5 EUR"),
        ("$.50", "0.50 USD"),
    ],
)
def test_amount_as_people_write_it(lib, text, expected) -> None:
    """A whole text that is an amount gives it, with the currency that stands beside it."""
    assert shown(lib.parse_money(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "$",
        "EUR",
        "5%",
        "$5 EUR",
        "\u20ac5 USD",
        "ABC 5",
        "5 kr",
        "--$5",
        "(-$5)",
        "$5 and more",
        "1.2.3 \u20ac",
        "-",
        "()",
    ],
)
def test_text_that_is_no_amount(lib, text) -> None:
    """Percent, unknown codes, two currencies at odds and two signs give none."""
    assert lib.parse_money(text) is None


def test_a_stated_decimal_mark_is_obeyed(lib) -> None:
    """Three digits after the stated mark are a fraction."""
    assert shown(lib.parse_money("1.234 KWD", decimal=".")) == "1.234 KWD"
    assert shown(lib.parse_money("1.234 KWD", decimal=",")) == "1234 KWD"


@QUIET
@given(
    cents=st.integers(0, 10**11),
    mark=st.sampled_from(["$", "EUR", "\u20ac", "GBP", "\u00a3", "CHF"]),
    negative=st.booleans(),
)
def test_formatted_amounts_are_read_back(lib, cents, mark, negative) -> None:
    """English and continental formats, the mark first or last, give the amount."""
    amount = Decimal(-cents if negative else cents).scaleb(-2)
    code = {"$": "USD", "\u20ac": "EUR", "\u00a3": "GBP"}.get(mark, mark)
    english = f"{abs(amount):,.2f}"
    continental = english.translate(str.maketrans(",.", ".,"))
    sign = "-" if negative else ""

    for text in (
        f"{sign}{mark} {english}",
        f"{sign}{continental} {mark}",
        f"{sign}{mark}{continental}",
    ):
        assert lib.parse_money(text) == (amount, code), text
        assert [found.value for found in lib.find_money(f"Total {text} due")] == [(amount, code)], (
            text
        )


@QUIET
@given(text=st.text(max_size=30) | st.text(alphabet="0123456789., -()$\u20acEURk'", max_size=20))
def test_any_text_has_an_answer(lib, text) -> None:
    """No text raises, and what is found in it is where it is said to be."""
    lib.parse_money(text)

    for found in lib.find_money(text):
        assert lib.parse_money(text[found.start : found.end]) == found.value


def test_amounts_in_running_text(lib) -> None:
    """Amounts are found with a mark or code beside them; other numbers and words are not."""
    text = "Total: $1,234.50, or 1.234,50 EUR. INV 500 EUR; fee -\u20ac5, (USD 30), 5% of 12 EUROPE, 1 234,56 \u20ac and $3m."

    found = lib.find_money(text)

    assert [text[item.start : item.end] for item in found] == [
        "$1,234.50",
        "1.234,50 EUR",
        "500 EUR",
        "-\u20ac5",
        "(USD 30)",
        "1 234,56 \u20ac",
        "$3m",
    ]
