"""The library's tables: what separates the cells, and rows that do not fit."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

QUIET = settings(max_examples=150, deadline=None, derandomize=True, database=None)
ROW = {"a": "1", "b": "2"}
CELL = st.text(alphabet="xyz12 ,;|\"'", max_size=6).map(lambda text: " ".join(text.split()))


@pytest.mark.parametrize(
    "text",
    [
        "a|b\n1|2",
        "| a | b |\n|---|:-:|\n| 1 | 2 |",
        "+---+---+\n| a | b |\n+===+===+\n| 1 | 2 |\n+---+---+\n",
        "a,b\n1,2\n",
        "a, b\r\n1, 2\r\n",
        "a;b\n1;2",
        "a\tb\n1\t2",
        "a   b\n1   2",
        "  a    b\n---  ---\n  1    2\n",
        "\n\na,b\n\n1,2\n\n",
    ],
)
def test_what_separates_cells_is_seen(lib, text) -> None:
    """Pipes, commas, semicolons, tabs and aligned columns give the same rows."""
    assert lib.parse_table(text) == [ROW]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("a,b", []),
        ("a,b\n1,2\n3", [ROW, {"a": "3", "b": ""}]),
        ("a,b\n1,2,3", [{"a": "1", "b": "2 3"}]),
        ('a,b\n1,"x, y"', [{"a": "1", "b": "x, y"}]),
        ("a;b\n1,5;2", [{"a": "1,5", "b": "2"}]),
        ("a|b\nx \\| y|", [{"a": "x | y", "b": ""}]),
        ("a,a,a\n1,2,3", [{"a": "1", "a_2": "2", "a_3": "3"}]),
        ("| a | b |\n| - | 2 |", [{"a": "-", "b": "2"}]),
        ('a,b\n"1,2', [{"a": "1,2", "b": ""}]),
    ],
)
def test_rows_that_do_not_fit(lib, text, expected) -> None:
    """Missing cells are empty, surplus ones go last, a header used twice is numbered."""
    assert lib.parse_table(text) == expected


def test_aligned_columns_find_their_header(lib) -> None:
    """A cell belongs to the header whose left or right edge it shares, gaps or not."""
    text = "Name        Qty   Price\nApple         3    1.50\nBig pear           2.00\nFig          12\n"

    assert lib.parse_table(text) == [
        {"Name": "Apple", "Qty": "3", "Price": "1.50"},
        {"Name": "Big pear", "Qty": "", "Price": "2.00"},
        {"Name": "Fig", "Qty": "12", "Price": ""},
    ]


@QUIET
@given(rows=st.lists(st.tuples(CELL, CELL), min_size=1, max_size=5))
def test_written_csv_is_read_back(lib, rows) -> None:
    """What the CSV writer wrote is read back."""
    rows = [("k" + one, two) for one, two in rows]
    buffer = io.StringIO()
    csv.writer(buffer).writerows([("a", "b"), *rows])

    assert lib.parse_table(buffer.getvalue()) == [{"a": one, "b": two} for one, two in rows]


@QUIET
@given(text=st.text(alphabet='ab \t\n|,;"-+=:1\x00\u2028', max_size=40))
def test_any_text_has_an_answer(lib, text) -> None:
    """No text raises, and every row has the same names."""
    assert len({tuple(row) for row in lib.parse_table(text)}) <= 1
    lib.parse_pairs(text)


def test_pairs(lib) -> None:
    """The first mark splits a line, the first of equal names counts."""
    text = "Name: x\n age = 5\n: z\nurl: http://x?a=b\nName: y\nnothing\n"

    assert lib.parse_pairs(text) == {"Name": "x", "age": "5", "url": "http://x?a=b"}


def test_column(lib) -> None:
    """A column is found whatever the case of its name."""
    assert lib.column([{"Total ": "1"}, {"Total ": "2"}], "total") == ["1", "2"]
    assert lib.column([{"a": "1"}], "b") == []
