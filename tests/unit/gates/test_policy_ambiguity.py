"""Regular expressions that can take exponential time."""

from __future__ import annotations

import ast
import time
from pathlib import Path

import pytest

from pytest_compiledai.core.source import Source
from pytest_compiledai.gates import security
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
        r"(?:[ab]|[ab])*x",
        r"(?:b|b(?<=b))*x",
        r"(?:(?:a?)?x)*y",
        r"(?:(?:a*|b*)x)*y",
        r"(?:(?:a?)*x)*y",
        r"(?i)(?:ab|AB)+$",
        r"(?:(?i:ab)|AB)+$",
        r"(?x)(?: a+ )+ $",
        r"(?a)(?:\Wx|éx)*y",
        r"(?:ßx|\wx)*y",
        r"(?:(?!a)\wx|\wx)*y",
        r"(?:(?=ab)\w|(?!ab)\w)*y",
        r"(?:(?<!a)bx|(?<!c)bx)*y",
        r"(?:(?=\w)ßx|ßx)*y",
        r"(?:(?!.)\nx|\nx)*y",
        r"(?>(?:a|a)*b)c",
        r"(?:(?:a|a)*b)++c",
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
        r"(?:(?:^|,)x)*y",
        r"(?P<a>x)?(?:(?(a)y?|z?)w)*",
        r"(?:ab|AB)+$",
        r"(?:(?=a)\wx|(?!a)\wx)*y",
        r"(?:\w(?<=a)x|\w(?<!a)x)*y",
        r"(?:(?<=a)\w|(?<!a)\w)*y",
        r'(?:[^"]|(?<=\\)")*x',
        r"(?:(?<=a)bx|cx|(?<=d)bx)*y",
        r"(?:(?!,)[^;]|,)*x",
        "(?:[ -](?:" + "|".join(WORDS) + "))*",
        r"(?:\d+\s*)?(?:" + r"\s*|".join(WORDS * 4) + r")\s*:",
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
    start = time.process_time()

    assert is_explosive(pattern)
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    ("call", "refused"),
    [
        (r"re.compile(r'(?:ab|AB)+$')", False),
        (r"re.compile(r'(?:ab|AB)+$', re.M)", False),
        (r"re.compile(r'(?:ab|AB)+$', re.I)", True),
        (r"re.sub(r'(?:ab|AB)+$', '', data, flags=re.M | re.IGNORECASE)", True),
        (r"re.sub(r'(?: a+ )+ $', '', data, 0, re.X)", True),
        (r"re.match(r'(?:ab|AB)+$', data, FLAGS)", True),
        (r"re.match(r'(?:ab|AB)+$', data, **OPTIONS)", True),
    ],
)
def test_a_pattern_is_judged_by_the_flags_it_is_used_with(call: str, refused: bool) -> None:
    """Case that does not count and blanks that are no text are read; unknown flags may be any."""
    code = f"import re\n\n\ndef f(data):\n    return {call}\n"

    found = security.inspect(Source(data=code.encode(), path="a.py"), capabilities=frozenset())

    assert refused is ("security.backtracking" in {item.rule for item in found})


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
