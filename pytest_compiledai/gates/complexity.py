"""McCabe's cyclomatic complexity of each function, counted as Ruff's C901 counts it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from pytest_compiledai.core.trees import walk

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class Complexity(NamedTuple):
    """How many independent paths a function has."""

    name: str
    line: int  # 1-based
    paths: int


def complexities(tree: ast.AST) -> Iterator[Complexity]:
    """Yield the complexity of every function and method in ``tree``, in the order of the source."""
    found = [node for node in walk(tree) if isinstance(node, _FUNCTIONS)]
    for node in sorted(found, key=lambda item: item.lineno):
        yield Complexity(node.name, node.lineno, 1 + _body(node.body))


def _body(body: list[ast.stmt]) -> int:
    return sum(_statement(node) for node in body)


def _statement(node: ast.stmt) -> int:
    match node:
        case ast.If() | ast.For() | ast.AsyncFor() | ast.While():
            return 1 + _body(node.body) + _body(node.orelse)
        case ast.With() | ast.AsyncWith() | ast.ClassDef():
            return _body(node.body)
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return 1 + _body(node.body)
        case ast.Try() | ast.TryStar():
            handlers = sum(1 + _body(handler.body) for handler in node.handlers)
            return (
                _body(node.body)
                + handlers
                + bool(node.orelse)
                + _body(node.orelse + node.finalbody)
            )
        case ast.Match():
            return sum(1 + _body(case.body) for case in node.cases) - _has_default(node)
    return 0


def _has_default(node: ast.Match) -> bool:
    last = node.cases[-1]
    # `case _:` is the `else` of a match, and an `else` adds no path.
    return (
        last.guard is None
        and isinstance(last.pattern, ast.MatchAs)
        and last.pattern.pattern is None
    )
