"""Text as Python source: literals that hold exactly a text, whatever the text tries."""

from __future__ import annotations

import re

#: Letters that show nothing; a literal writes their code, as for all that cannot be printed.
_FILLERS = re.compile("[\u115f\u1160\u3164\uffa0]")


def literal(text: str) -> str:
    """Return a string literal in double quotes, in single ones only where that spares escapes."""
    written = _FILLERS.sub(lambda match: f"\\u{ord(match[0]):04x}", repr(text))
    if written.startswith("'") and '"' not in text:
        return f'"{written[1:-1]}"'
    return written


def raw_literal(text: str) -> str:
    """Return a raw literal where one can hold ``text``, else a plain one."""
    plain = text.isprintable() and '"' not in text and not text.endswith("\\")
    return f'r"{text}"' if plain and not _FILLERS.search(text) else literal(text)
