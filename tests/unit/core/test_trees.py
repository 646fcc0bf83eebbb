"""The fast walk finds what `ast` finds, operators and contexts aside."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from pytest_compiledai.core import trees

FACTS = (ast.boolop, ast.cmpop, ast.expr_context, ast.operator, ast.unaryop)
TEXTS = [
    Path(trees.__file__).read_text(),
    Path(ast.__file__).read_text(),
    "match a:\n    case {'k': [1, *rest], **other} if (b := c[1:2]):\n        pass\n",
    "async def f[T](x: T = 1, /, *y, z=2, **k) -> None:\n    async with a as b, c: await d\n",
    "try:\n    import a.b as c\nexcept* E as e:\n    x = f'{e!r:>{w}}' if not -1 < 2 else lambda: 0\n",
    "type Pair[A] = tuple[A, A]\n",
]


@pytest.mark.parametrize("text", TEXTS)
def test_walk_finds_the_nodes_that_ast_finds(text):
    """The same nodes in the same order, level by level."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        pytest.skip("syntax of a later Python")
    expected = [node for node in ast.walk(tree) if not isinstance(node, FACTS)]

    assert list(trees.walk(tree)) == expected


def test_walk_begins_at_several_roots():
    """The body of a function is walked without its head."""
    (function,) = ast.parse("def f(a=1):\n    b = 2\n    return b\n").body

    found = list(trees.walk(*function.body))

    assert {node.id for node in found if isinstance(node, ast.Name)} == {"b"}
    assert found[:2] == function.body
