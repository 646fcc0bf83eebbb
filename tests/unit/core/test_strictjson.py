"""Strict JSON."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from pytest_compiledai.core.strictjson import DEPTH_CAP
from pytest_compiledai.core.strictjson import StrictJSONError
from pytest_compiledai.core.strictjson import read_json


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (
            '{"a": [1, -0.5, true, null, "\\ud83d\\ude00"]}',
            {"a": [1, -0.5, True, None, "\U0001f600"]},
        ),
        ("1e3", 1000.0),
        ('"[[[["', "[[[["),
        (f'["{"[" * 100}", "\\"{"[" * 100}"]', ["[" * 100, '"' + "[" * 100]),
    ],
)
def test_reads_json(text: str, value: object) -> None:
    """JSON is read as usual; brackets within strings are no nesting."""
    assert value == read_json(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no JSON: Expecting value at column 1"),
        ("{'a': 1}", "no JSON"),
        ('{"a": 1, "a": 1}', 'the key "a" twice'),
        ('[{"b": {"a": 1, "\\u0061": 2}}]', 'the key "a" twice'),
        ("NaN", "NaN, which is not JSON"),
        ("[-Infinity]", "-Infinity, which is not JSON"),
        ("1e999", "1e999, which no double can hold"),
        ("1" * 5000, "an integer of 5000 digits"),
        ('"\\ud800"', "half a surrogate pair"),
        ('{"\\udfff": 1}', "half a surrogate pair"),
        ('"\x01"', "no JSON"),
        ("1 2", "no JSON"),
        ("[" * 100_000, "nesting deeper than 64"),
        ('{"a":' * 65 + "1" + "}" * 65, "nesting deeper than 64"),
        ('"' + '\\"' * 100_000 + "[" * 100, "no JSON"),
    ],
)
def test_refuses_what_readers_differ_on(text: str, message: str) -> None:
    """A text without one meaning is an error that says why."""
    with pytest.raises(StrictJSONError) as caught:
        read_json(text)

    assert message in str(caught.value)


def test_depth_at_the_cap_is_read() -> None:
    """Nesting of exactly the cap is read."""
    text = "[" * DEPTH_CAP + "]" * DEPTH_CAP

    assert str(read_json(text)) == text


@settings(max_examples=150, derandomize=True, database=None, deadline=None)
@given(st.text('{}[]":,\\ud8019eE+-.truefalsn \n', max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text leads to anything but a value or the one error."""
    with contextlib.suppress(StrictJSONError):
        read_json(text)
