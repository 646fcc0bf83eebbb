"""The library's numbers: what people write, and the traps of separators."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

QUIET = settings(max_examples=200, deadline=None, derandomize=True, database=None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", "0"),
        ("007", "7"),
        ("1,234.5", "1234.5"),
        ("1.234,5", "1234.5"),
        ("1,234", "1234"),
        ("1.234", "1.234"),
        ("1,23", "1.23"),
        ("0,123", "0.123"),
        ("1234,567", "1234.567"),
        ("1,234,567", "1234567"),
        ("1.234.567", "1234567"),
        ("1.234.567,89", "1234567.89"),
        ("1,00,000.00", "100000.00"),
        ("12,34,56,789", "123456789"),
        ("1 234,5", "1234.5"),
        ("1\u00a0234\u202f567", "1234567"),
        ("1 234,567", "1234.567"),
        ("1'234.50", "1234.50"),
        ("1\u2019234", "1234"),
        (".5", "0.5"),
        ("5.", "5"),
        ("-5", "-5"),
        ("+5", "5"),
        ("\u22125", "-5"),
        ("- 5", "-5"),
        ("5-", "-5"),
        ("(1,234.50)", "-1234.50"),
        (" 12 % ", "0.12"),
        ("12.5%", "0.125"),
        ("3 percent", "0.03"),
        ("2k", "2000"),
        ("1.5M", "1500000"),
        ("2 bn", "2000000000"),
        ("3 million", "3000000"),
        ("1e5", "100000"),
        ("1.5E-3", "0.0015"),
        ("\uff11\uff12\uff0c\uff13\uff14\uff15", "12345"),
        ("six", "6"),
        ("Zero", "0"),
        ("a hundred", "100"),
        ("twenty-one", "21"),
        ("three hundred and five", "305"),
        ("nineteen hundred", "1900"),
        ("two thousand and six", "2006"),
        ("two million three hundred thousand one", "2300001"),
        ("minus five", None),
        ("-five", "-5"),
        ("12345678901234567890123456789012345.5", "12345678901234567890123456789012345.5"),
        ("1234567890123456789012345678901k", "1234567890123456789012345678901000"),
    ],
)
def test_number_as_people_write_it(lib, text, expected) -> None:
    """A whole text that is a number gives exactly that number, written without an exponent."""
    found = lib.parse_number(text)

    assert (None if found is None else str(found)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "-", "--5", "%", ",", ".", "1.2.3", "1,2,3", "1,234,56", "1,23,45", "1234,567,890", "12 34",
        "1 23", "1 234 5", "1,234.567.8", "1.234,567,8", "5\u00b2", "\u00bd", "\u0661", "1_000", "0x10", "12 apples",
        "v2", "1e", "nan", "inf", "Infinity", "one two", "hundred", "and", "five and", "and five", "zero five",
        "thousand million", "two thousand thousand", "twenty eleven", "one hundred hundred hundred", "(", "()",
        "1/2", "1-2", "5 x",
    ],
)  # fmt: skip
def test_text_that_is_no_number(lib, text) -> None:
    """What is not one number, or has groups that are no groups, gives none."""
    assert lib.parse_number(text) is None


@pytest.mark.parametrize(
    ("text", "decimal", "expected"),
    [
        ("1,234", ",", "1.234"),
        ("1.234", ",", "1234"),
        ("1,234", ".", "1234"),
        ("1.234", ".", "1.234"),
        ("1.234.5", ",", None),
        ("1,5", ".", None),
        ("12", ",", "12"),
    ],
)
def test_a_stated_decimal_mark_is_obeyed(lib, text, decimal, expected) -> None:
    """Where the caller knows the decimal mark nothing is guessed."""
    found = lib.parse_number(text, decimal=decimal)

    assert (None if found is None else str(found)) == expected


@QUIET
@given(
    value=st.decimals(
        allow_nan=False, allow_infinity=False, places=2, min_value=-(10**12), max_value=10**12
    )
)
def test_formatted_numbers_are_read_back(lib, value) -> None:
    """English and continental formats of a number with two decimals give that number."""
    english = f"{value:,.2f}"
    continental = english.translate(str.maketrans(",.", ".,"))

    assert lib.parse_number(english) == value
    assert lib.parse_number(continental) == value
    assert lib.parse_number(english.replace(",", "\u202f")) == value


@QUIET
@given(value=st.integers(0, 999_999_999))
def test_spelled_numbers_are_read_back(lib, value) -> None:
    """Any number below a billion, said in words, is read back."""
    assert lib.parse_number(spelled(value)) == value


def spelled(value: int) -> str:
    small = [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ]
    tens = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
    if value < 20:
        return small[value]
    if value < 100:
        rest = f"-{small[value % 10]}" if value % 10 else ""
        return tens[value // 10 - 2] + rest
    for size, word in ((1_000_000, "million"), (1_000, "thousand"), (100, "hundred")):
        if value >= size:
            rest = f" {spelled(value % size)}" if value % size else ""
            return f"{spelled(value // size)} {word}{rest}"
    raise AssertionError(value)


@QUIET
@given(text=st.text(max_size=30) | st.text(alphabet="0123456789.,' -+()%ke", max_size=20))
def test_any_text_has_an_answer(lib, text) -> None:
    """No text raises, and what is found in it is where it is said to be."""
    lib.parse_number(text)

    for found in lib.find_numbers(text):
        assert lib.parse_number(text[found.start : found.end]) == found.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Order 5 of 1,234.50 at -3% each.", ["5", "1234.50", "-0.03"]),
        ("between 10-12", ["10", "12"]),
        ("2024-01-02", ["2024", "1", "2"]),
        ("v1.2.3 and x12", []),
        ("5kg, 3k, 2 m", ["5", "3000", "2"]),
        ("(7).", ["7"]),
        ("pages 3,4", ["3.4"]),
        ("1 234 567", ["1", "234", "567"]),
        ("1\u00a0234", ["1234"]),
        ("none", []),
        (".5 and 1.", ["0.5", "1"]),
    ],
)
def test_numbers_in_running_text(lib, text, expected) -> None:
    """Numbers are found where no letter, digit or mark runs into them."""
    assert [str(found.value) for found in lib.find_numbers(text)] == expected


@pytest.mark.parametrize(
    ("value", "places", "expected"),
    [
        ("2.5", 0, "3"),
        ("-2.5", 0, "-3"),
        ("1.005", 2, "1.01"),
        ("0", 2, "0.00"),
        ("123456", -3, "1.23E+5"),
    ],
)
def test_halves_are_rounded_away_from_zero(lib, value, places, expected) -> None:
    """Rounding is the one of invoices, not that of floats."""
    assert str(lib.round_half_up(Decimal(value), places)) == expected


def test_rounding_keeps_long_numbers(lib) -> None:
    """A number beyond the digits of the decimal context is rounded, not refused."""
    assert lib.round_half_up(Decimal("9" * 40 + ".995")) == Decimal("1" + "0" * 40 + ".00")


@pytest.mark.parametrize(("value", "expected"), [("5", 5), ("5.00", 5), ("-0", 0), ("5.25", 5.25)])
def test_numbers_for_json(lib, value, expected) -> None:
    """Whole values become int, others float."""
    found = lib.plain_number(Decimal(value))

    assert (found, type(found)) == (expected, type(expected))
