"""The library's text: space, case, phrases that stand as a whole, labelled values."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

QUIET = settings(max_examples=200, deadline=None, derandomize=True, database=None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  A\tB\n", "a b"),
        ("Stra\u00dfe", "strasse"),
        ("\uff21\uff22", "ab"),
        ("\ufb01x", "fix"),
        ("x\u00a0y", "x y"),
        ("e\u0301", "\u00e9"),
    ],
)
def test_fold(lib, text, expected) -> None:
    """Case, width, ligatures, composition and spacing make no difference."""
    assert lib.fold(text) == expected


@QUIET
@given(text=st.text(max_size=20))
def test_fold_is_done_once(lib, text) -> None:
    """Folding what was folded changes nothing."""
    assert lib.fold(lib.fold(text)) == lib.fold(text)


@pytest.mark.parametrize(
    ("text", "phrase", "expected"),
    [
        ("I want to CANCEL it", "cancel", True),
        ("cancelled", "cancel", False),
        ("uncancel", "cancel", False),
        ("cancel2", "cancel", False),
        ("cancelled, cancel!", "cancel", True),
        ("call   off", "Call off", True),
        ("(c++)", "c++", True),
        ("c++11", "c++", True),
        ("xc++", "c++", False),
        ("anything", "", False),
        ("", "x", False),
        ("\u00e9t\u00e9", "t", False),
    ],
)
def test_phrase_stands_as_a_whole(lib, text, phrase, expected) -> None:
    """No letter or digit may run into a phrase."""
    assert lib.has_phrase(text, phrase) is expected


def test_first_and_earliest_match(lib) -> None:
    """One goes by the order of the phrases, the other by the order of the text."""
    assert lib.first_match("b then a", ["a", "b"]) == "a"
    assert lib.earliest_match("b then a", ["a", "b", "b then"]) == "b then"
    assert lib.first_match("c", ["a"]) is None
    assert lib.earliest_match("c", ["a"]) is None


def test_words_and_lines(lib) -> None:
    """Words keep an apostrophe inside; lines lose what is blank."""
    assert lib.find_words("It's 5 o\u2019clock_x, 'quoted'") == [
        "It's",
        "5",
        "o\u2019clock",
        "x",
        "quoted",
    ]
    assert lib.split_lines(" a \n\n\r\n b") == ["a", "b"]
    assert lib.normalise_space(" a \n b ") == "a b"
    assert lib.strip_accents("d\u00e9j\u00e0 vu \u00dc") == "deja vu U"


def test_parts_of_text(lib) -> None:
    """A part is found between marks or after a label, or it is none."""
    assert lib.text_between("x [ y ] z]", "[", "]") == "y"
    assert lib.text_between("x [ y", "[", "]") is None
    assert lib.labelled_value("Total : 5\nDUE  date: 1:2", "due date") == "1:2"
    assert lib.labelled_value("Due: x", "date") is None


def test_emails(lib) -> None:
    """Addresses are found without the punctuation after them."""
    assert lib.find_emails("Mail a.b+c@d-e.co.uk, <x@y.org>. Not @y or x@ or a@b") == [
        "a.b+c@d-e.co.uk",
        "x@y.org",
    ]


HOSTILE = (
    "1",
    " ",
    "1.",
    "1 111 ",
    "1\u00a0",
    "$1 ",
    "jan ",
    "1 jan ",
    "a@",
    "a.",
    "a|",
    "a  ",
    ":",
    "'1",
    "one ",
    "\u0130",
)


@pytest.mark.parametrize("piece", HOSTILE)
def test_long_text_takes_no_long_time(lib, piece) -> None:
    """No function of the library needs more than a moment for ten thousand characters."""
    text = "$1" + piece * (10_000 // len(piece)) + "!"
    calls = (
        lib.parse_number, lib.find_numbers, lib.parse_date, lib.find_dates, lib.parse_time, lib.parse_money,
        lib.find_money, lib.parse_table, lib.parse_pairs, lib.find_words, lib.find_emails, lib.fold,
    )  # fmt: skip

    began = time.process_time()
    for call in calls:
        call(text)

    # Measured 0.03 s for all; a quadratic pattern takes seconds.
    assert time.process_time() - began < 1.5
