"""Mistakes in statements: one is missing, a branch is missing, a refusal is missing."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from pytest_compiledai.functions.mutants.change import Change
from pytest_compiledai.functions.mutants.change import Piece
from pytest_compiledai.functions.mutants.change import Text
from pytest_compiledai.functions.mutants.change import is_docstring
from pytest_compiledai.functions.mutants.expressions import negated

_GUARD: Final = "_guard"
_DROPPED: Final = (
    *(ast.Expr, ast.Assign, ast.AugAssign, ast.Raise, ast.Return, ast.If, ast.For, ast.While),
    *(ast.Continue, ast.Break, ast.Delete),
)


def in_block(text: Text, body: list[ast.stmt]) -> Iterator[Change]:
    """Yield a block without one of its statements."""
    kept = [node for node in body if not is_docstring(node)]
    for node in kept:
        if isinstance(node, _DROPPED) and not is_guard(node):
            start, end = text.whole_lines(node)
            if len(kept) == 1:
                start, end = text.span(node)
            new = "pass" if len(kept) == 1 else ""
            yield Change(kind=_kind(node), pieces=(Piece(start, end, new),))


def in_statement(text: Text, node: ast.stmt) -> Iterator[Change]:
    """Yield the mistakes that can be made at ``node`` itself, not in its parts."""
    if isinstance(node, ast.If | ast.While):
        yield negated(text, node.test)
    if isinstance(node, ast.If) and node.orelse:
        yield Change(
            kind="branch",
            pieces=(Piece(text.span(node.body[-1])[1], text.span(node.orelse[-1])[1], ""),),
        )
    if isinstance(node, ast.Break | ast.Continue):
        other = "continue" if isinstance(node, ast.Break) else "break"
        yield Change(kind="statement", pieces=(Piece(*text.span(node), other),))


def is_guard(node: ast.stmt) -> bool:
    """Return whether a statement is the template's call of the guard."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Name)
        and node.value.func.id.startswith(_GUARD)
    )


def _kind(node: ast.stmt) -> str:
    if isinstance(node, ast.Raise) or (
        isinstance(node, ast.If) and not node.orelse and isinstance(node.body[-1], ast.Raise)
    ):
        return "abstain"
    return "branch" if isinstance(node, ast.If | ast.For | ast.While) else "statement"
