"""A description as the docstring of a function."""

from __future__ import annotations

import re
import textwrap
from typing import Final

_WIDTH: Final = 88  # columns of a docstring
_LAID_OUT: Final = 200  # columns of a line that is kept as it is laid out
_WRAPPED: Final = 60  # characters of a line in a description that was wrapped rather than ended
_DEEP: Final = 60  # columns of indent in a line that looks like no code, as gates read line by line
_ITEM = re.compile(r"\s*([-*]|[0-9]+[.)])\s")
_GAP = re.compile(r"\S {3}")  # within a line that is laid out by hand
_QUOTES = re.compile(r'"(?="|\Z)|(?<=")"')  # beside another, or last
_COMMENT = re.compile(r"#(?=\s*[A-Za-z])")


def docstring(description: str, *, margin: str) -> str:
    """Return a docstring that says ``description``, wrapped; no text can end it early."""
    width = _WIDTH - len(margin)
    lines: list[str] = []
    for paragraph in _paragraphs(description):
        shift = paragraph[: len(paragraph) - len(paragraph.lstrip())]
        told = _told(paragraph)
        if (_GAP.search(paragraph) or len(shift) > _DEEP) and len(paragraph) <= _LAID_OUT:
            lines.append(told)  # laid out by hand
            continue
        lines += textwrap.wrap(
            told,
            width,
            subsequent_indent=shift[:_DEEP],
            break_long_words=False,
            break_on_hyphens=False,
        ) or [""]
    lines = lines or [""]
    if len(lines) == 1 and len(lines[0]) + 6 <= width:
        return f'{margin}"""{lines[0]}"""\n'
    rest = "".join(f"{margin}{line}\n" if line else "\n" for line in lines[1:])
    return f'{margin}"""{lines[0]}\n{rest}{margin}"""\n'


def _paragraphs(description: str) -> list[str]:
    """Return lines to be wrapped: what was wrapped in the spec is put together again."""
    found: list[str] = []
    before = ""
    for line in description.strip().split("\n"):
        if _is_wrapped(before) and line.strip() and not (_ITEM.match(line) or _GAP.search(line)):
            found[-1] += f" {line.strip()}"
        else:
            found.append(line.rstrip())
        before = line
    return found


def _is_wrapped(line: str) -> bool:
    """Whether a line of a description looks as if it went on in the next one."""
    text = line.strip()
    return len(text) >= _WRAPPED and text[-1] not in "{};:" and not _GAP.search(line)


def _told(line: str) -> str:
    """Return a line as it may stand between triple quotes."""
    text = _QUOTES.sub(r"\"", line.replace("\\", "\\\\"))
    text = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
    if len(text) - len(text.lstrip()) > _DEEP:
        text = rf"\x20{text[1:]}"
    # What would be a comment elsewhere can silence an analyser that reads line by line.
    return _COMMENT.sub(r"\\x23", text)
