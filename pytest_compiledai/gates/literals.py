"""The constants a Python text holds, after folding what is put together from constants.

Only syntax is read; nothing is executed. Encodings of a text (reversed, base64) are not undone.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Collection
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from typing import TypeAlias

from pytest_compiledai.core.parsing import parse
from pytest_compiledai.core.trees import children

Scalar: TypeAlias = "str | int | float"

_FOLDED_CHARACTERS: Final = 100_000  # of a text made by repeating or joining
CONTAINERS: Final = (ast.List, ast.Tuple, ast.Set, ast.Dict)
_DIGITS: Final = 40  # of a number in a name; no output of a row is longer
DOCUMENTED: Final = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True, kw_only=True)
class Literal:
    """A constant in the text."""

    value: Scalar
    line: int
    table: int  # number of the outermost list, set, tuple or dict around it; 0 for none


def collect(text: str) -> tuple[Literal, ...]:
    """Return the strings and numbers in ``text``, in order; empty where it does not parse.

    Docstrings are left out unless the text reads `__doc__`.
    """
    try:
        tree = parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()  # the syntax gate tells of it
    return tuple(_literals(tree, are_documented=() if "__doc__" in text else DOCUMENTED))


def names(text: str) -> tuple[Literal, ...]:
    """Return the names that ``text`` defines, their words apart; empty where it does not parse.

    Fields, members of enumerations and keywords can be read back as texts.
    """
    try:
        tree = parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    found: dict[str, int] = {}
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.keyword(arg=str(name)):
                found.setdefault(name, node.lineno)
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                found.setdefault(name, node.lineno)
    return tuple(
        Literal(value=value, line=line, table=0)
        for name, line in found.items()
        for value in _words(name)
    )


def _words(name: str) -> Iterator[Scalar]:
    """Yield a name's words together, and where it holds numbers, words and numbers apart."""
    yield name.strip("_").replace("_", " ")
    pieces = re.findall(r"[0-9]+|[^\W\d_]+", name)
    numbers = [piece for piece in pieces if piece.isdecimal()]
    if numbers:
        yield from (piece for piece in pieces if piece not in numbers)
        yield from (int(piece[-_DIGITS:]) for piece in numbers)


def first_use(text: str, wanted: Collection[str]) -> tuple[str, int] | None:
    """Return the first of ``wanted`` that is imported, or read from a module, and its line."""
    try:
        tree = parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    uses = [(node.attr, node.lineno) for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            uses += [(alias.name, node.lineno) for alias in node.names]
    found = [(line, name) for name, line in uses if name in wanted]
    return (min(found)[1], min(found)[0]) if found else None


def _literals(root: ast.AST, *, are_documented: tuple[type[ast.AST], ...]) -> Iterator[Literal]:
    """Yield the literals below ``root``; a stack, since trees may be deep."""
    tables = itertools.count(1)
    stack = [(root, 0)]
    while stack:
        node, around = stack.pop()
        if not around and isinstance(node, CONTAINERS):
            around = next(tables)
        value = fold(node)
        pieces = _pieces(node)
        if pieces and not around:
            around = next(tables)
        line = getattr(node, "lineno", 0)
        for item in pieces if value is None else (value,):
            yield Literal(value=item, line=line, table=around)
        if value is None:
            below = children(node)
            if isinstance(node, are_documented):
                first = docstring(node)
                below = [child for child in below if child is not first]
            stack += [(child, around) for child in reversed(below)]


def docstring(node: ast.AST) -> ast.AST | None:
    """Return the statement that documents a module, class or function; None without one."""
    match getattr(node, "body", []):
        case [ast.Expr(value=ast.Constant(value=str())) as first, *_]:
            return first
    return None


def fold(node: ast.AST) -> Scalar | None:
    """Return the string or number that an expression of constants stands for, else None."""
    if isinstance(node, ast.Constant):
        return _scalar(node.value)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = fold(node.operand)
        return None if value is None or isinstance(value, str) else -value
    if isinstance(node, ast.BinOp):
        return _binary(node)
    if isinstance(node, ast.JoinedStr):
        parts = [fold(part) or "\0" for part in node.values]
        return "".join(map(str, parts))
    if isinstance(node, ast.Call):
        return _joined(node)
    return None


def _scalar(value: object) -> Scalar | None:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return value


def _binary(node: ast.BinOp) -> Scalar | None:
    # Sums nest to the left as deep as they are long; they are unrolled, not recursed into.
    parts: list[ast.expr] = []
    inner: ast.expr = node
    while isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.Add):
        parts.append(inner.right)
        inner = inner.left
    if parts:
        values = [_leaf(part) for part in (inner, *reversed(parts))]
        texts = [value for value in values if isinstance(value, str)]
        return "".join(texts) if len(texts) == len(values) else None
    left, right = _leaf(node.left), _leaf(node.right)
    if isinstance(node.op, ast.Mult) and isinstance(left, str) and isinstance(right, int):
        return left * right if len(left) * right <= _FOLDED_CHARACTERS else None
    return None


def _leaf(node: ast.AST) -> Scalar | None:
    return None if isinstance(node, ast.BinOp) else fold(node)


def _joined(node: ast.Call) -> str | None:
    """Return what `"x".join([...])` of constants makes."""
    called = node.func
    if not isinstance(called, ast.Attribute) or called.attr != "join" or len(node.args) != 1:
        return None
    between, items = _leaf(called.value), node.args[0]
    if not isinstance(between, str) or not isinstance(items, ast.List | ast.Tuple):
        return None
    values = [_leaf(item) for item in items.elts]
    texts = [value for value in values if isinstance(value, str)]
    return between.join(texts) if len(texts) == len(values) else None


def _pieces(node: ast.AST) -> tuple[str, ...]:
    """Return what `split` and `splitlines` make of a constant text."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return ()
    text = _leaf(node.func.value)
    if not isinstance(text, str):
        return ()
    if node.func.attr == "splitlines":
        return tuple(text.splitlines())
    if node.func.attr != "split":
        return ()
    sign = fold(node.args[0]) if node.args else None
    return tuple(text.split(sign) if isinstance(sign, str) and sign else text.split())
