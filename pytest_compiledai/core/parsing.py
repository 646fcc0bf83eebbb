"""``ast.parse`` in a process where another thread may parse at the same time.

CPython 3.11 and 3.12 count the depth of a tree in one place for all threads. Where a second thread
parses in the middle of it (pytest does so when it first imports a module of any plugin), a sound
text ends in ``SystemError: AST constructor recursion depth mismatch``. Parsing again is the cure:
https://github.com/python/cpython/issues/106905
"""

from __future__ import annotations

import ast
from typing import Final

_TRIES: Final = 20


def parse(code: str | bytes) -> ast.Module:
    """Return the tree of a module. Raises what ``ast.parse`` raises for the text itself."""
    for _ in range(_TRIES - 1):
        try:
            return ast.parse(code)
        except SystemError:
            continue
    return ast.parse(code)
