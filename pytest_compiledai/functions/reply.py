"""The Python in a model's reply: one fenced block, or all of it."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from typing import Final

from pytest_compiledai.core import parsing
from pytest_compiledai.functions.refusal import TemplateError

_FENCE: Final = re.compile(r"^( {0,3})(`{3,}|~{3,})[ \t]*([A-Za-z0-9_+-]*)[^\n`]*$")
_PYTHON: Final = frozenset({"python", "py", "python3"})


def extract(reply: str) -> str:
    """Return the one block of Python in a reply, or the whole reply where it is Python unfenced.

    Raises ``TemplateError`` for no block, several, or one that does not end.
    """
    text = reply.replace("\r\n", "\n")
    blocks = list(_blocks(text))
    named = [body for language, body in blocks if language.lower() in _PYTHON]
    found = named or [body for language, body in blocks if not language]
    if len(found) == 1:
        return found[0]
    if not blocks and text.strip() and _parses(text):
        return text
    count = f"{len(found)} blocks of Python" if found else "no block of Python"
    raise TemplateError("reply", found=count, expected="exactly one, between ```python and ```")


def parse(text: str) -> ast.Module:
    """Return the tree of a text; raises ``TemplateError`` at the line that does not parse."""
    try:
        with warnings.catch_warnings():
            # An invalid escape in generated code must not become an error of the run.
            warnings.simplefilter("ignore")
            return parsing.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None) or 0
        reason = getattr(error, "msg", None) or f"{type(error).__name__} of the parser"
        raise TemplateError(
            "parse", found=reason, expected="Python that parses", line=line
        ) from None


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """Yield language and text of each fenced block; a fence ends with as many marks or more."""
    opened: tuple[str, str] | None = None
    body: list[str] = []
    for line in text.split("\n"):
        found = _FENCE.match(line)
        if opened is None:
            if found:
                opened, body = (found[2], found[3]), []
        elif found and not found[3] and found[2].startswith(opened[0]):
            yield opened[1], "\n".join(body) + "\n"
            opened = None
        else:
            body.append(line)
    if opened is not None:
        raise TemplateError(
            "reply", found="a block that does not end", expected="``` after the last line"
        )


def _parses(text: str) -> bool:
    try:
        parse(text)
    except TemplateError:
        return False
    return True
