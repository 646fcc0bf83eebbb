"""YAML that we write is read back by the strict reader as what it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from pytest_compiledai.core.document import read_documents
from pytest_compiledai.core.yamltext import yaml_mapping

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
WORDS = st.sampled_from(["no", "1e3", "0123", "~", "a: b", "# c", "- d", "x\n y\n", "a\n\n", "é "])
SCALARS = st.none() | st.booleans() | st.integers() | TEXT | WORDS
SCALARS |= st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT | WORDS, inner, max_size=4),
    max_leaves=12,
)


@settings(derandomize=True, database=None, deadline=None, max_examples=300)
@given(value=VALUES)
def test_what_is_written_is_read_back(value):
    """Words that readers differ over, control characters and line ends come through."""
    text = "compiledai: 1\n" + yaml_mapping({"value": value})

    (document,) = read_documents(text.encode(), "x.yaml")

    assert value == document.data["value"]
    assert type(value) is type(document.data["value"])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"type": "object", "n": 1}, "v: {type: object, n: 1}\n"),
        ("one\ntwo", "v: |-\n  one\n  two\n"),
        ("null", 'v: "null"\n'),
        (1e16, "v: 1.0e+16\n"),
        (["long" * 20, "text" * 20], f"v:\n  - {'long' * 20}\n  - {'text' * 20}\n"),
    ],
)
def test_what_is_written_is_what_a_person_would_write(value, expected):
    """Short things stand on one line, texts of several lines in a block."""
    assert expected == yaml_mapping({"v": value})
