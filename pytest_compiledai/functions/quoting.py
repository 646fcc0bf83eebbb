"""Text as Python source: literals that hold exactly a text, whatever the text tries."""

from __future__ import annotations

from pytest_compiledai.core.hidden import HIDDEN


def literal(text: str) -> str:
    """Return a string literal in double quotes, in single ones only where that spares escapes.

    What shows nothing is written as its code, as `repr` does for all that cannot be printed.
    """
    written = HIDDEN.sub(lambda match: ascii(match[0])[1:-1], repr(text))
    if written.startswith("'") and '"' not in text:
        return f'"{written[1:-1]}"'
    return written


def raw_literal(text: str) -> str:
    """Return a raw literal where one can hold ``text``, else a plain one."""
    plain = text.isprintable() and '"' not in text and not text.endswith("\\")
    return f'r"{text}"' if plain and not HIDDEN.search(text) else literal(text)
