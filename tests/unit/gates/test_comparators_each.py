"""Comparators: what counts as the same value."""

from __future__ import annotations

import pytest

from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.place import Place
from pytest_compiledai.gates.comparators import UserComparator
from pytest_compiledai.gates.comparators import exact
from pytest_compiledai.gates.comparators import parse


def place(*keys):
    return Place(path="specs/x.yaml", line=1 + len(keys))


@pytest.mark.parametrize(
    ("expected", "got", "same"),
    [
        (1, 1.0, True),
        (1, True, False),
        (0, False, False),
        ("1", 1, False),
        (None, "", False),
        ([1, 2], [1, 2.0], True),
        ([1, 2], [2, 1], False),
        ({"a": [True]}, {"a": [1]}, False),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ("é", "e\u0301", False),
        (2**53 + 1, float(2**53), False),
    ],
)
def test_exact_compares_json_values_and_their_types(expected, got, same):
    """Numbers compare by value, everything else by type and value."""
    assert exact(expected, got) is same


@pytest.mark.parametrize(
    ("stated", "expected", "got", "same"),
    [
        ({"number": {"abs": 0.01}}, 19.99, 20.0, True),
        ({"number": {"abs": 0.01}}, 19.99, 20.001, False),
        ({"number": {"rel": 0.1}}, 100, 110, True),
        ({"number": {"rel": 0.1}}, 100, 111, False),
        ({"number": {"rel": 0.1}}, -100, -91, True),
        ("number", 1, 1.0, True),
        ("number", 1, 1.0000001, False),
        ({"number": {"abs": 5}}, True, 1, False),
        ({"number": {"abs": 5}}, "1", 1, False),
        ("date", "2024-03-05", "5 March 2024", True),
        ("date", "2024-03-05", "Mar 5th, 2024", True),
        ("date", "2024-03-05", "2024-03-05T10:00:00Z", True),
        ("date", "2024-03-05", "05.03.2024", True),
        ("date", "2024-03-05", "20240305", True),
        ("date", "2024-03-15", "03/15/2024", True),
        ("date", "2024-03-05", "03/05/2024", False),
        ({"date": {"order": "mdy"}}, "2024-03-05", "03/05/2024", True),
        ({"date": {"order": "dmy"}}, "2024-03-05", "03/05/2024", False),
        ("date", "2024-02-30", "30.02.2024", False),
        ("date", "soon", "soon", True),
        ("date", None, None, True),
        ("date", "2024-03-05", "2024-03-06", False),
        ("money", "$1,234.50", "USD 1234.50", True),
        ("money", "1.234,50 €", "EUR 1,234.50", True),
        ("money", {"amount": "12.00", "currency": "GBP"}, "£12", True),
        ("money", "(12.00)", -12, True),
        ("money", "-$5", "$-5.00", True),
        ("money", "$5", "5", False),
        ("money", "$5", "€5", False),
        ("money", "1,234", 1234, True),
        ("money", "1.234", 1234, False),
        ("money", "no charge", "free", False),
        ("text", "  Straße \n 5", "STRASSE 5", True),
        ("text", "ﬁne", "FINE", True),
        ("text", "fine", "fin", False),
        ("text", "1", 1, False),
        ("set", [1, 2, 2], [2, 1], True),
        ("set", [1], [True], False),
        ("set", [1, 2], [1], False),
        ("bag", [1, 2, 2], [2, 1, 2], True),
        ("bag", [1, 2, 2], [2, 1], False),
        ({"bag": "text"}, ["A", "b "], ["B", "a"], True),
        ({"set": {"date": {"order": "dmy"}}}, ["2024-03-05"], ["05/03/2024"], True),
        ("list", [1, 2], [1, 2], True),
        ("list", [1, 2], [2, 1], False),
        ({"list": {"number": {"abs": 1}}}, [1, 2], [2, 3], True),
        ({"list": {"number": {"abs": 1}}}, [1, 2], [1], False),
        ({"list": "text"}, None, None, True),
    ],
)
def test_a_comparator_knows_the_same_thing_in_other_words(stated, expected, got, same):
    """Each comparator accepts other forms of one value and refuses other values."""
    compare = parse(stated, place)

    assert compare(expected, got) is same


@pytest.mark.parametrize(
    ("stated", "found"),
    [
        ("fuzzy", "'fuzzy'"),
        ({"number": {"tolerance": 1}}, "`tolerance`"),
        ({"number": {"abs": -1}}, "abs: -1"),
        ({"number": {"abs": True}}, "abs: True"),
        ({"number": 3}, "3"),
        ({"date": {"order": "ymd"}}, "order: 'ymd'"),
        ({"set": "number"}, "'number'"),
        ({"list": "own.py:same"}, "own.py:same"),
        ({"exact": {}}, "options of `exact`"),
        ({"number": {}, "text": {}}, "number"),
        (3, "3"),
        (None, "None"),
    ],
)
def test_what_is_not_understood_is_refused_at_its_line(stated, found):
    """An unknown comparator or option is an error that names it."""
    with pytest.raises(SpecError) as caught:
        parse(stated, place)

    assert found in caught.value.found


def test_an_unknown_comparator_is_answered_with_the_known_ones():
    """The message lists every comparator."""
    with pytest.raises(SpecError) as caught:
        parse("fuzzy", place)

    assert caught.value.expected.startswith("one of exact, number, date, money, text, set, bag")


def test_a_file_and_a_function_name_a_comparator_of_the_project():
    """`file.py:function` is kept as its two parts."""
    made = parse("checks/close.py:same_city", place)

    assert made == UserComparator(path="checks/close.py", function="same_city")
