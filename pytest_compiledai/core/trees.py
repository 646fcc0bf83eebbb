"""Walking syntax trees: what `ast` does, in half the time, for the gates that read every node."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

#: Operators and contexts are one object each for the whole tree: facts, not nodes. The rest of
#: these hold names and numbers wherever they stand.
_NO_NODES = frozenset(
    {"asname", "attr", "ctx", "id", "is_async", "kind", "level", "module", "op", "ops"}
    | {"simple", "type_comment"}
)
#: Beyond this a number may not be turned into text: Python's own bound is 4300 digits.
LARGEST_BITS: Final = 4096
_fields: dict[type[ast.AST], tuple[str, ...]] = {ast.Constant: ()}


def children(node: ast.AST) -> list[ast.AST]:
    """Return the nodes right below ``node`` in the order of the source, without operators."""
    kind = type(node)
    names = _fields.get(kind)
    if names is None:
        names = _fields[kind] = tuple(name for name in kind._fields if name not in _NO_NODES)
    found: list[ast.AST] = []
    for name in names:
        value = getattr(node, name, None)
        if isinstance(value, ast.AST):
            found.append(value)
        elif isinstance(value, list):
            found += [item for item in value if isinstance(item, ast.AST)]
    return found


def walk(*roots: ast.AST) -> Iterator[ast.AST]:
    """Yield ``roots`` and every node below, level by level."""
    level = list(roots)
    while level:
        yield from level
        level = [child for node in level for child in children(node)]


def huge_number(root: ast.AST) -> ast.Constant | None:
    """Return the first whole number of more than ``LARGEST_BITS`` below ``root``."""
    numbers = (node for node in walk(root) if isinstance(node, ast.Constant))
    huge = (n for n in numbers if isinstance(n.value, int) and n.value.bit_length() > LARGEST_BITS)
    return next(huge, None)
