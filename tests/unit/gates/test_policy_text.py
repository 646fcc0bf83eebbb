"""The bytes of a module, before anything parses them."""

from __future__ import annotations

import dataclasses
import time

import pytest

from pytest_compiledai.gates.policy import text
from pytest_compiledai.gates.policy.rulebook import policy

LIMITS = policy().text


def rules(data: bytes, **limits: int) -> set[str]:
    changed = dataclasses.replace(LIMITS, **limits)
    return {item.rule for item in text.read(data, changed, "a.py").findings}


def test_plain_text_passes() -> None:
    """Plain UTF-8 with tabs, accents and CRLF line ends passes and comes back with LF."""
    read = text.read("x = 'é'\t\r\ny = 1\r\n".encode(), LIMITS, "a.py")

    assert read.findings == ()
    assert read.text == "x = 'é'\t\ny = 1\n"


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"x = 1 #" + b"a" * 66_000, "size"),
        (b"\n" * 5_000, "size"),
        (b"x = '" + b"a" * 4_500 + b"'\n", "size"),
        (b"x = '\xff'\n", "encoding"),
        (b"\xef\xbb\xbfx = 1\n", "encoding"),
        (b"#!/usr/bin/python\n# vim: fileencoding=latin-1\nx = 1\n", "encoding"),
        (b"x = '\x00'\n", "character"),
        (b"x = 1\ry = 2\n", "character"),
        (b"x = 1\x0cy = 2\n", "character"),
        ("x = '\u202e'\n".encode(), "character"),
        ("x\u200b = 1\n".encode(), "character"),
        ("x = '\u2028'\n".encode(), "character"),
        (b"x = " + b"(" * 50 + b")" * 50 + b"\n", "nesting"),
        (b" " * 120 + b"x = 1\n", "nesting"),
    ],
)
def test_hostile_text_is_named(data: bytes, rule: str) -> None:
    """Text that is large, hidden, deep or not UTF-8 has the finding of that rule."""
    assert f"security.{rule}" in rules(data)


def test_brackets_in_strings_do_not_nest() -> None:
    """Brackets inside strings and comments count for nothing."""
    data = b"x = '" + b"(" * 60 + b"'  # " + b"[" * 60 + b"\ny = '''\n" + b"{" * 60 + b"'''\n"

    assert rules(data) == set()


def test_first_bad_line_is_named() -> None:
    """A finding carries the line of the character, counted from one."""
    found = text.read("x = 1\ny = '\u202e'\n".encode(), LIMITS, "a.py").findings

    assert [(item.line, item.path) for item in found] == [(2, "a.py")]
    assert found[0].message.startswith("line 2: found U+202E")


@pytest.mark.parametrize(
    "comment",
    [
        "# noqa",
        "#NOQA: F401",
        "# nosec B101",
        "# nosemgrep",
        "# type: ignore",
        "# type: List[int]",
        "# mypy: ignore-errors",
        "# ruff: noqa",
        "# pylint: disable=all",
        "# pyright: basic",
        "# pragma: no cover",
        "# fmt: off",
        "# isort: skip",
        "# flake8: noqa",
    ],
)
def test_every_silencing_comment_is_found(comment: str) -> None:
    """A directive of any known analyser is a finding at its line."""
    found = list(text.suppressions(f"x = 1\ny = 2  {comment}\n", "a.py"))

    assert [(item.rule, item.line) for item in found] == [("security.suppression", 2)]


@pytest.mark.parametrize(
    "comment", ["# types: a, b", "# a note", "# no security here", "# typed: x"]
)
def test_plain_comments_pass(comment: str) -> None:
    """A remark that only begins like a directive is none."""
    assert list(text.suppressions(f"x = 1  {comment}\n", "a.py")) == []


@pytest.mark.parametrize("part", ["\\'", "'''\\", "(", "'", "#", '"\\', "\\'''"])
def test_hostile_text_is_read_in_linear_time(part: str) -> None:
    """No text of the largest size takes long, however it is quoted."""
    data = ("'" + part * 65_000)[:65_000].encode()
    start = time.monotonic()

    text.read(data, LIMITS, "a.py")

    assert time.monotonic() - start < 2
