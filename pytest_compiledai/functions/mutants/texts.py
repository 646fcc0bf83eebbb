"""Mistakes in text constants and in regular expressions, made in the source as it is written.

A constant may be several literals in a row; one of them is changed where it stands, so that the
layout of the others is kept.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from typing import Final
from typing import NamedTuple

from pytest_compiledai.core.parsing import parse
from pytest_compiledai.functions.mutants.change import Change
from pytest_compiledai.functions.mutants.change import Piece
from pytest_compiledai.functions.mutants.change import Text

_LITERAL: Final = re.compile(
    r"(?P<prefix>[rRuU]?)(?P<quote>'''|\"\"\"|'|\")(?P<inner>.*)(?P=quote)", re.DOTALL
)
#: Part of a pattern -> what it may be mistaken for.
_PARTS: Final = (
    (re.compile(r"\\[bBAZ]|[\^$](?![^\[]*\])"), ""),
    (re.compile(r"(?<=[\w\])}])\+"), "*"),
    (re.compile(r"(?<=[\w\])}])\*"), "+"),
    (re.compile(r"(?<=[\w\])}])\?"), ""),
    (re.compile(r"\\d"), r"\\w"),
    (re.compile(r"\\s"), " "),
    (re.compile(r"0-9"), "1-9"),
    (re.compile(r"a-z"), "b-z"),
    (re.compile(r"A-Z"), "A-Y"),
    (re.compile(r"\[\^"), "["),
    (re.compile(r"\(\?!"), "(?="),
    (re.compile(r"\(\?<!"), "(?<="),
    (re.compile(r"\\\."), "."),
    (re.compile(r"\|[\w ]+(?=[|)]|$)"), ""),
)
_COUNT: Final = re.compile(r"\{(\d+)(,?)(\d*)\}")


class _Literal(NamedTuple):
    start: int  # of the text between the quotes, in bytes
    inner: str
    is_raw: bool


def in_text(text: Text, node: ast.Constant) -> Iterator[Change]:
    """Yield the constant with a letter less, and with a letter in the other case."""
    for literal in _literals(text, node):
        letters = [at for at, letter in enumerate(literal.inner) if _is_plain(literal, at, letter)]
        if not letters:
            continue
        middle = letters[len(letters) // 2]
        yield _edit("text", literal, middle, middle + 1, "")
        cased = [at for at in letters if literal.inner[at].swapcase() != literal.inner[at]]
        if cased:
            first = cased[0]
            yield _edit("text", literal, first, first + 1, literal.inner[first].swapcase())


def in_pattern(text: Text, node: ast.Constant) -> Iterator[Change]:
    """Yield the pattern with one of its parts mistaken, as far as it is a pattern then."""
    for literal in _literals(text, node):
        if not literal.is_raw and "\\" in literal.inner:
            continue
        for change in _part_edits(literal):
            if _is_compilable(text, change):
                yield change


def _part_edits(literal: _Literal) -> Iterator[Change]:
    for part, new in _PARTS:
        for match in part.finditer(literal.inner):
            yield _edit("pattern", literal, *match.span(), match.expand(new))
    for match in _COUNT.finditer(literal.inner):
        low, comma, high = int(match[1]), match[2], match[3]
        if high:
            yield _edit("pattern", literal, *match.span(), f"{{{low},{int(high) + 1}}}")
            if int(high) > max(low, 1):
                yield _edit("pattern", literal, *match.span(), f"{{{low},{int(high) - 1}}}")
        yield _edit("pattern", literal, *match.span(), f"{{{low + 1}{comma}{high}}}")


def _edit(kind: str, literal: _Literal, start: int, end: int, new: str) -> Change:
    first = literal.start + len(literal.inner[:start].encode("utf-8"))
    last = literal.start + len(literal.inner[:end].encode("utf-8"))
    return Change(kind=kind, pieces=(Piece(first, last, new),))


def _is_plain(literal: _Literal, at: int, letter: str) -> bool:
    """Whether a letter stands for itself and no escape is near it."""
    return literal.is_raw or ("\\" not in literal.inner[max(0, at - 9) : at + 1] and letter != "\\")


def _literals(text: Text, node: ast.Constant) -> Iterator[_Literal]:
    start, _ = text.span(node)
    source = text.of(node)
    lines = source.splitlines(keepends=True)
    # In parentheses, or literals on several lines would end with the first one.
    for token in tokenize.generate_tokens(io.StringIO(f"({source})").readline):
        match = _LITERAL.fullmatch(token.string) if token.type == tokenize.STRING else None
        if match is not None:
            row, column = token.start
            before = "".join(lines[: row - 1]) + lines[row - 1][: column - (row == 1)]
            at = start + len(f"{before}{match['prefix']}{match['quote']}".encode())
            yield _Literal(at, match["inner"], match["prefix"].lower() == "r")


def _is_compilable(text: Text, change: Change) -> bool:
    """Whether what a changed pattern stands in is a pattern still, and another one."""
    (piece,) = change.pieces
    data = text.data[: piece.start] + piece.new.encode("utf-8") + text.data[piece.end :]
    try:
        tree = parse(data)
    except (SyntaxError, ValueError):
        return False
    line = text.data[: piece.start].count(b"\n") + 1
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and node.lineno <= line <= (node.end_lineno or 0)
        ):
            try:
                re.compile(node.value)
            except (re.error, OverflowError, RecursionError):
                return False
    return True
