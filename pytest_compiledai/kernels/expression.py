"""Whole-number expressions over named dimensions: grids, shapes, constants, rules of legality.

Nothing is ever executed: the expression is parsed and computed node by node, so a name or a
form that is not listed here is an error and not a feature.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from collections.abc import Mapping

_MOST = 1 << 48


class ExpressionError(ValueError):
    """An expression that is no whole number over the names at hand; the text says why."""


def _cdiv(a: int, b: int) -> int:
    return -(-a // b)


def _power_of_two(a: int) -> int:
    return 1 << max(0, a - 1).bit_length()


_FUNCTIONS: Mapping[str, Callable[..., int]] = {
    "cdiv": _cdiv,
    "next_pow2": _power_of_two,
    "min": min,
    "max": max,
}
_BINARY: Mapping[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.FloorDiv: lambda a, b: a // b,
    ast.Mod: lambda a, b: a % b,
}
_COMPARE: Mapping[type[ast.cmpop], Callable[[int, int], bool]] = {
    ast.Eq: lambda a, b: a == b,
    ast.NotEq: lambda a, b: a != b,
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
}


def value(text: str | int, names: Mapping[str, int]) -> int:
    """Return what ``text`` is worth; raises ``ExpressionError``."""
    if isinstance(text, int):
        return int(text)
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ExpressionError(f"{text!r} is no expression") from error
    try:
        found = _value(tree, names)
    except (ZeroDivisionError, TypeError) as error:
        raise ExpressionError(f"{text!r}: {error}") from error
    if abs(found) > _MOST:
        raise ExpressionError(f"{text!r} is {found}, out of bounds")
    return found


def names_of(text: str | int) -> set[str]:
    """Return the dimensions an expression reads; raises ``ExpressionError``."""
    if isinstance(text, int):
        return set()
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError) as error:
        raise ExpressionError(f"{text!r} is no expression") from error
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return names - set(_FUNCTIONS)


def _value(node: ast.expr, names: Mapping[str, int]) -> int:
    match node:
        case ast.Constant(value=bool(number) | int(number)):
            return int(number)
        case ast.Name(id=name) if name in names:
            return names[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, names)
        case ast.BinOp(op=op) if type(op) in _BINARY:
            return _BINARY[type(op)](_value(node.left, names), _value(node.right, names))
        case ast.Compare(ops=[op]) if type(op) in _COMPARE:
            compare = _COMPARE[type(op)]
            return int(compare(_value(node.left, names), _value(node.comparators[0], names)))
        case ast.BoolOp(op=ast.And()):
            return int(all(_value(part, names) for part in node.values))
        case ast.BoolOp(op=ast.Or()):
            return int(any(_value(part, names) for part in node.values))
        case ast.Call(func=ast.Name(id=name), keywords=[]) if name in _FUNCTIONS:
            return _FUNCTIONS[name](*(_value(part, names) for part in node.args))
    raise ExpressionError(f"{ast.unparse(node)!r} is not a dimension or a form that is allowed")
