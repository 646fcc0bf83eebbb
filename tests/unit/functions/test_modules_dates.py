"""The library's dates: forms, orders of day and month, and what no calendar has."""

from __future__ import annotations

import datetime as dt
import itertools

import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

QUIET = settings(max_examples=200, deadline=None, derandomize=True, database=None)
WEDNESDAY = dt.date(2024, 5, 15)
DATES = st.dates(dt.date(1970, 1, 1), dt.date(2069, 12, 31))


def shown(value) -> str | None:
    return None if value is None else value.isoformat()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-12-31", "2024-12-31"),
        ("2024/1/5", "2024-01-05"),
        ("2024.01.05", "2024-01-05"),
        ("20241231", "2024-12-31"),
        ("2024-12-31T10:00:00Z", "2024-12-31"),
        ("2024-12-31 10:00:00.123+01:00", "2024-12-31"),
        ("12/31/2024", "2024-12-31"),
        ("31/12/2024", "2024-12-31"),
        ("1/2/2024", "2024-01-02"),
        ("1-2-2024", "2024-01-02"),
        ("31.12.2024", "2024-12-31"),
        ("1.2.2024", "2024-02-01"),
        ("1. 2. 2024", "2024-02-01"),
        ("1/2/69", "2069-01-02"),
        ("1/2/70", "1970-01-02"),
        ("3 Jan 2024", "2024-01-03"),
        ("03-JAN-2024", "2024-01-03"),
        ("3-Jan-24", "2024-01-03"),
        ("3 Jan '24", "2024-01-03"),
        ("3 Jan 24", "2024-01-03"),
        ("3rd of January, 2024", "2024-01-03"),
        ("January 3rd 2024", "2024-01-03"),
        ("January 3rd, 2024", "2024-01-03"),
        ("Jan. 3, 2024", "2024-01-03"),
        ("August 3 , 2014", "2014-08-03"),
        ("Sept 5, 2024", "2024-09-05"),
        ("Mon, 3 Jan 2024", "2024-01-03"),
        ("Monday 3 January 2024 at 10:30", "2024-01-03"),
        ("7. Mai 2014", "2014-05-07"),
        ("1er février 2024", "2024-02-01"),
        ("12 AOÛT 2024", "2024-08-12"),
        ("3. März 2024", "2024-03-03"),
        ("Freitag, 3. Mai 2024", "2024-05-03"),
        ("3 de enero 2024", "2024-01-03"),
        ("  29\u00a0Feb  2024 ", "2024-02-29"),
        ("2024\u201312\u201331", "2024-12-31"),
    ],
)
def test_date_as_people_write_it(lib, text, expected) -> None:
    """A whole text that is a date gives that date, numbers with a slash month first."""
    assert shown(lib.parse_date(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "", "x", "2024", "2024-02", "Jan 2024", "3 Jan", "today", "2024-13-01", "2024-02-30", "30 Feb 2024",
        "29 Feb 2023", "13/13/2024", "0/1/2024", "1/0/2024", "99999999", "00000000", "0000-01-01", "1.2.3.2024",
        "1/2/3/2024", "2024-1/2", "3 Janember 2024", "10:00", "3 Jan 2024 and more", "on 3 Jan 2024", "12345678",
        "1/2/123", "31.11.2024", "\u0661/2/2024", "3 Jan 20244",
    ],
)  # fmt: skip
def test_text_that_is_no_date(lib, text) -> None:
    """What is not one date, or no calendar has, gives none; nothing is taken from the clock."""
    assert lib.parse_date(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1/2/2024", "2024-02-01"),
        ("1-2-24", "2024-02-01"),
        ("12/31/2024", "2024-12-31"),
        ("31/12/2024", "2024-12-31"),
        ("2024-01-02", "2024-01-02"),
        ("Jan 2, 2024", "2024-01-02"),
    ],
)
def test_day_first_changes_only_what_is_open(lib, text, expected) -> None:
    """The option decides numbers that could be either, and nothing else."""
    assert shown(lib.parse_date(text, day_first=True)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("today", "2024-05-15"),
        ("Tomorrow", "2024-05-16"),
        ("yesterday", "2024-05-14"),
        ("in 3 days", "2024-05-18"),
        ("in a week", "2024-05-22"),
        ("2 weeks ago", "2024-05-01"),
        ("in 1 month", "2024-06-15"),
        ("a year ago", "2023-05-15"),
        ("monday", "2024-05-20"),
        ("wednesday", "2024-05-22"),
        ("next Friday", "2024-05-17"),
        ("last wednesday", "2024-05-08"),
        ("last friday", "2024-05-10"),
        ("3 Jan", "2024-01-03"),
        ("Jan 3rd", "2024-01-03"),
        ("in 99999 years", None),
        ("99999 years ago", None),
        ("in 99999 weeks", "3940-11-20"),
        ("31 Feb", None),
        ("soon", None),
    ],
)
def test_relative_dates_need_a_reference(lib, text, expected) -> None:
    """Words are read from the reference that is handed in, never from the clock."""
    assert shown(lib.parse_date(text, reference=WEDNESDAY)) == expected
    assert lib.parse_date(text) is None


@QUIET
@given(value=DATES)
def test_formatted_dates_are_read_back(lib, value) -> None:
    """Every usual format of a date gives that date."""
    month = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ][value.month - 1]
    for text in (
        value.isoformat(),
        f"{value:%m/%d/%Y}",
        f"{value:%d.%m.%Y}",
        f"{value:%Y%m%d}",
        f"{value.day} {month} {value.year}",
        f"{month} {value.day}, {value.year}",
        f"{value.day}-{month[:3]}-{value.year % 100:02}",
        f"{value.month}/{value.day}/{value.year % 100:02}",
    ):
        assert lib.parse_date(text) == value, text
        assert [found.value for found in lib.find_dates(f"Due: {text}.")] == [
            value
        ] or text.isdigit(), text
    assert lib.parse_date(f"{value:%d/%m/%Y}", day_first=True) == value


@QUIET
@given(text=st.text(max_size=30) | st.text(alphabet="0123456789./- janMay,'", max_size=20))
def test_any_text_has_an_answer(lib, text) -> None:
    """No text raises, and what is found in it lies in order and apart."""
    lib.parse_date(text, reference=WEDNESDAY)
    lib.parse_time(text)

    spans = [(found.start, found.end) for found in lib.find_dates(text, reference=WEDNESDAY)]
    assert spans == sorted(spans)
    assert all(one[1] <= two[0] for one, two in itertools.pairwise(spans))


def test_dates_in_running_text(lib) -> None:
    """Dates are found with their places; version numbers and dates without a year are not."""
    text = "Due 3 Jan 2024, or 12/31/2024; v 1.2.3.2024 and 5 May. Mai: 7. Mai 2014!"

    found = lib.find_dates(text)

    assert [text[item.start : item.end] for item in found] == [
        "3 Jan 2024",
        "12/31/2024",
        "7. Mai 2014",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("19:30", "19:30:00"),
        ("7pm", "19:00:00"),
        ("7 p.m.", "19:00:00"),
        ("7.30 PM", "19:30:00"),
        ("19h30", "19:30:00"),
        ("19h", "19:00:00"),
        ("14 Uhr", "14:00:00"),
        ("7:30:15", "07:30:15"),
        ("noon", "12:00:00"),
        ("midnight", "00:00:00"),
        ("12am", "00:00:00"),
        ("12 pm", "12:00:00"),
        ("13pm", None),
        ("0 am", None),
        ("24:00", None),
        ("7:60", None),
        ("7", None),
        ("", None),
    ],
)
def test_time_of_day(lib, text, expected) -> None:
    """A whole text that is a time gives it; a bare number is none."""
    assert shown(lib.parse_time(text)) == expected


@pytest.mark.parametrize(
    ("start", "months", "expected"),
    [
        ("2024-01-31", 1, "2024-02-29"),
        ("2023-01-31", 1, "2023-02-28"),
        ("2024-03-31", -1, "2024-02-29"),
        ("2024-12-15", 1, "2025-01-15"),
        ("2024-01-15", -1, "2023-12-15"),
        ("2024-05-15", 0, "2024-05-15"),
        ("9999-12-01", 1, None),
        ("0001-01-01", -1, None),
    ],
)
def test_months_later(lib, start, months, expected) -> None:
    """A month has an end, and so has the calendar."""
    assert shown(lib.add_months(dt.date.fromisoformat(start), months)) == expected


@pytest.mark.parametrize(
    ("name", "month", "day"),
    [("Sept.", 9, None), ("märz", 3, None), ("TUES", None, 1), ("x", None, None)],
)
def test_names(lib, name, month, day) -> None:
    """Names of months and days are known whatever their case, accents and full stop."""
    assert (lib.parse_month(name), lib.parse_weekday(name)) == (month, day)
