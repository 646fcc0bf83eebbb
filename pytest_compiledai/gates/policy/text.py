"""Questions put to the bytes of a module before anything parses it.

What passes is small, flat, plain UTF-8, and holds no comment that silences an analyser, so the
parser and the analysers cannot be crashed, hung or blinded by the text itself.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.gates.policy.rulebook import TextLimits

_COOKIE = re.compile(r"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
# Every directive of a known analyser or formatter, and any type comment (mypy obeys it or stops).
_SUPPRESSION = re.compile(
    r"#\s*(nosec\b|noqa\b|nosemgrep\b|type\s*:|mypy\s*:|ruff\s*:|flake8\s*[:=]|pylint\s*:|pyright\s*:"
    r"|pytype\s*:|pyre-|pragma\s*[:\w]|fmt\s*:|isort\s*:|yapf\s*:|nopep8\b|nosonar\b|lgtm\b|noinspection\b)",
    re.IGNORECASE,
)
_LEXEME = re.compile(r"#[^\n]*|\'\'\'|\"\"\"|[\'\"]|[(\[{]|[)\]}]")
# Where a string that began with this quote ends. Each runs once over the text: no going back.
_ENDS = {
    quote: re.compile(rf"(?:[^\\{quote[0]}\n]|\\.)*(?:{quote}|\n|\Z)", re.DOTALL)
    for quote in ("'", '"')
} | {quote: re.compile(rf"(?:[^\\]|\\.)*?(?:{quote}|\Z)", re.DOTALL) for quote in ("'''", '"""')}
_REFUSED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_ALLOWED_CONTROLS = frozenset("\n\t")


class Text(NamedTuple):
    """The decoded module, or the reasons why it is not even parsed."""

    text: str
    findings: tuple[Finding, ...]


def read(data: bytes, limits: TextLimits, path: str) -> Text:
    """Return the text of ``data`` with LF line ends, and what speaks against parsing it."""
    if len(data) > limits.max_bytes:
        fact = f"{len(data)} bytes; expected at most {limits.max_bytes}"
        return Text("", (_finding("size", 0, fact, path),))
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        fact = f"line {line}: found bytes that are not UTF-8; expected UTF-8"
        return Text("", (_finding("encoding", line, fact, path),))
    text = text.replace("\r\n", "\n")
    found = [*_encoding(text, path), *_characters(text, path), *_shape(text, limits, path)]
    return Text(text, tuple(found))


def _finding(name: str, line: int, message: str, path: str) -> Finding:
    return Finding(rule=f"security.{name}", message=message, path=path, line=line)


def _encoding(text: str, path: str) -> Iterator[Finding]:
    if text.startswith("\ufeff"):
        yield _finding("encoding", 1, "line 1: found a byte order mark; expected none", path)
    for number, line in enumerate(text.split("\n", 2)[:2], start=1):
        cookie = _COOKIE.match(line)
        if cookie and cookie[1].lower().replace("_", "-") not in {"utf-8", "utf8"}:
            fact = f"line {number}: found the encoding {cookie[1]!r}; expected utf-8"
            yield _finding("encoding", number, fact, path)


def _characters(text: str, path: str) -> Iterator[Finding]:
    for number, line in enumerate(text.split("\n"), start=1):
        # All that is refused is not printable; most lines need no look at each character.
        if line.replace("\t", "").isprintable():
            continue
        bad = next((char for char in line if _is_refused(char)), None)
        if bad is not None:
            name = unicodedata.name(bad, "a control character")
            fact = f"line {number}: found U+{ord(bad):04X} ({name.lower()}); expected visible text"
            yield _finding("character", number, fact, path)


def _is_refused(char: str) -> bool:
    return char not in _ALLOWED_CONTROLS and unicodedata.category(char) in _REFUSED_CATEGORIES


def _shape(text: str, limits: TextLimits, path: str) -> Iterator[Finding]:
    lines = text.split("\n")
    if len(lines) > limits.max_lines:
        fact = f"{len(lines)} lines; expected at most {limits.max_lines}"
        yield _finding("size", 0, fact, path)
    for number, line in enumerate(lines, start=1):
        indent = len(line) - len(line.lstrip(" \t"))
        if len(line) > limits.max_line:
            fact = (
                f"line {number}: found {len(line)} characters; expected at most {limits.max_line}"
            )
            yield _finding("size", number, fact, path)
        elif indent > limits.max_indent and line.strip():
            fact = f"line {number}: found {indent} columns of indent; expected {limits.max_indent}"
            yield _finding("nesting", number, fact, path)
    yield from _brackets(text, limits, path)


def _brackets(text: str, limits: TextLimits, path: str) -> Iterator[Finding]:
    depth = position = 0
    while found := _LEXEME.search(text, position):
        position = found.end()
        lexeme = found[0]
        if lexeme in _ENDS:
            end = _ENDS[lexeme].match(text, position)
            position = end.end() if end else len(text)
        elif not lexeme.startswith("#"):
            depth += 1 if lexeme in "([{" else -1
        if depth > limits.max_brackets:
            line = text.count("\n", 0, found.start()) + 1
            fact = f"line {line}: found {depth} nested brackets; expected {limits.max_brackets}"
            yield _finding("nesting", line, fact, path)
            return


def suppressions(text: str, path: str) -> Iterator[Finding]:
    """Yield a finding for each line that tells an analyser to look away."""
    for number, line in enumerate(text.split("\n"), start=1):
        found = _SUPPRESSION.search(line)
        if found:
            fact = f"line {number}: found {found[0]!r}, which silences an analyser; expected none"
            yield _finding("suppression", number, fact, path)
