"""Regular expressions of schemas."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from pytest_compiledai.core.pattern import PatternError
from pytest_compiledai.core.pattern import compile_pattern

PATTERNS = [
    "", "a", "^a", "a$", "^$", "^a+$", "(a+)+b", "a{2,3}b", "^a{0,2}$", "a??b", "a|^b$", "(?:ab)*$", "($|x)",
    "[^ab]", "[a-c1]2", r"\d\w", r"[\d\s]b", r"\D\W?", r"\S$", "^(a|b1|)*$", r"^\w+( \w+)*$", "(^a|b)c?", "x*",
    "^.b", r"\.", "(a|ab)(1|b1)?$", "[^\\d]a", "b{0}a",
]  # fmt: skip


@settings(max_examples=40, derandomize=True, database=None, deadline=None)
@given(texts=st.lists(st.text("ab12 x.C\n", max_size=7), min_size=10, max_size=10))
@pytest.mark.parametrize("pattern", PATTERNS)
def test_agrees_with_the_standard_library(pattern: str, texts: list[str]) -> None:
    """The automaton finds what `re` finds, with `$` as the very end."""
    standard = re.compile(pattern.replace("$", r"\Z"), re.ASCII)
    automaton = compile_pattern(pattern)

    for text in texts:
        assert automaton.search(text) == bool(standard.search(text))


def test_classes_are_ascii_and_dollar_is_the_end() -> None:
    """Digits and words are ASCII; a line end is no end, and no dot."""
    assert not compile_pattern(r"^\d$").search("٣")
    assert not compile_pattern(r"^\w$").search("é")
    assert not compile_pattern("a$").search("a\n")
    assert [text for text in "\n\r\u2028x" if compile_pattern("^.$").search(text)] == ["x"]


@pytest.mark.parametrize("pattern", ["^(a+)+$", "^(a|a)*$", "^(a*)*$", "a*a*a*a*b", r"\s+$"])
def test_no_text_makes_it_slow(pattern: str) -> None:
    """Expressions that ruin a backtracking matcher take linear time."""
    text = ("a" if "a" in pattern else " ") * 50_000 + "!"
    started = time.process_time()

    assert not compile_pattern(pattern).search(text)

    assert time.process_time() - started < 1


def test_many_characters_do_not_pile_up() -> None:
    """Text with very many different characters is matched, its states forgotten in between."""
    text = "".join(map(chr, range(0x100, 0x3000)))

    assert not compile_pattern("^[^a]*a").search(text)
    assert compile_pattern("^[^a]*a").search(text + "a")


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(?=a)", "looking around"),
        ("(?<!a)b", "looking around"),
        (r"\bq", "word boundary"),
        (r"\Aq", "word boundary"),
        (r"(a)\1", "reference back"),
        ("(?P<x>a)", "named group"),
        ("(?i)a", "flags"),
        ("(?i:a)", "flags"),
        ("(?-i:a)", "no regular expression|flags"),
        ("(?>a)", "atomic"),
        ("a++", "possessive"),
        ("(a)?(?(1)b|c)", "condition"),
        ("[[a]", "nested set"),
        ("(", "no regular expression"),
        (r"\p{L}", "no regular expression"),
        ("a{1001}", "more than 1000"),
        ("(a{40}){40}", "more than 1000"),
        ("a" * 501, "more than 500"),
        ("(" * 101 + ")" * 101, "more than 100 groups"),
    ],
)
def test_what_readers_differ_on_is_refused(pattern: str, reason: str) -> None:
    """Each construct outside the common ground is refused by name."""
    with pytest.raises(PatternError, match=reason):
        compile_pattern(pattern)
