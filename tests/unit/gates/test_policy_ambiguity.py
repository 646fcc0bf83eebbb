"""Regular expressions that can take exponential time."""

from __future__ import annotations

import ast
import time
from pathlib import Path

import pytest

from pytest_compiledai.gates.policy import ambiguity
from pytest_compiledai.gates.policy.ambiguity import is_explosive


@pytest.mark.parametrize(
    "pattern",
    [
        r"(a+)+$",
        r"^(\w+\s?)*$",
        r"(a|ab|b)*c",
        r"([a-zA-Z0-9]+)*@",
        r"(.*)*x",
        r"(\d+|\w+)*x",
        r"(a*)*b",
        r"((a+)b?)+$",
        r"(\s*,\s*)*x",
        r"(a{1,3})*b",
        r"(x+x+)+y",
        r"^(([a-z])+.)+[A-Z]([a-z])+$",
        r"(?=(a+)+$)x",
        r"(\w*\d*)*!",
        r"(foo|foobar|bar)*$",
        r"(?:\s+|#[^\n]*\n)*x",
        b"(a+)+$",
    ],
)
def test_two_ways_through_a_loop(pattern: str | bytes) -> None:
    """A loop that can take two ways over one text is found."""
    assert is_explosive(pattern)


#: Fifteen hundred characters in one loop, with one way through them.
WORDS = [f"{number}x" for number in range(100, 475)]


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        r"(a+b)+",
        r"\w+(?:\s\w+)*",
        r"(?:\d{1,3},)*\d{1,3}\.\d{2}",
        r"^[\w.+-]+@[\w-]+\.[\w.-]+$",
        r"(\d{4})-(\d{2})-(\d{2})",
        r"(?:foo|bar|baz)*",
        r"\s*([^=]+?)\s*=\s*(.*)",
        r"(a++)+",
        r"(?>a+)b",
        r"(?:[a-z]+\.)+[a-z]{2,}",
        r'^(?:[^"\\]|\\.)*$',
        r"(\+?\d[\d\s().-]{7,}\d)",
        r'"(?:[^"]|"")*"',
        r"(?P<a>x)(?(a)y|z)",
        r"(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.|$)){4}",
        r"(\w)\1",
        r"(unclosed",
        "(?:[ -](?:" + "|".join(WORDS) + "))*",
    ],
)
def test_one_way_through_each_loop(pattern: str) -> None:
    """Ordinary patterns, look-arounds, closed groups and broken patterns pass."""
    assert not is_explosive(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "((a{1,15}){1,15}){1,15}",
        "(?:"
        + "|".join(f"[^{number}]{number}{number}" for number in range(10) for _ in range(60))
        + ")*",
        "(?:" + "a?" * 900 + ")*",
        "(" * 90 + "a" + ")*" * 90,
    ],
)
def test_what_is_too_large_counts_as_explosive(pattern: str) -> None:
    """A pattern that cannot be judged in time is refused, and quickly."""
    start = time.monotonic()

    assert is_explosive(pattern)
    assert time.monotonic() - start < 5


def test_our_own_patterns_are_no_danger() -> None:
    """No pattern of the gates themselves can take exponential time."""
    package = Path(ambiguity.__file__).parents[1]
    texts = [
        node.args[0].value
        for path in sorted(package.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "re.compile"
        and isinstance(node.args[0], ast.Constant)
    ]

    assert len(texts) > 5
    assert [text for text in texts if is_explosive(text)] == []
