"""Contexts of decimal arithmetic, which keep in their flags what every call before has met."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.gates.policy.module import Module

_CONTEXT: Final = "decimal.Context"
_EXPECTED: Final = "an answer of the input alone"
#: What makes a text of a value; that of a context names its flags.
_WRITING: Final = frozenset(
    {"builtins.repr", "builtins.str", "builtins.ascii", "builtins.format", "pprint.pformat",
     "pprint.saferepr", "reprlib.repr"}
)  # fmt: skip


def check(module: Module) -> Iterator[Finding]:
    """Yield a finding for each way to read what a context has met."""
    if _CONTEXT not in module.named:
        return
    for node in module.of(ast.Attribute, ast.FormattedValue, ast.Call):
        if isinstance(node, ast.Attribute) and node.attr == "flags":
            found = "'flags', in which a decimal context keeps what it met"
            yield module.finding("mutation", node, found, _EXPECTED)
        elif any(module.described(value) == f"{_CONTEXT}()" for value in _written(module, node)):
            found = "a decimal context as a text, which tells what it met"
            yield module.finding("mutation", node, found, _EXPECTED)


def _written(module: Module, node: ast.AST) -> list[ast.expr]:
    match node:
        case ast.FormattedValue(value=value):
            return [value]
        case ast.Call(func=function, args=values) if module.dotted(function) in _WRITING:
            return values
    return []
