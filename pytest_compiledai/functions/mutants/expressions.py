"""Mistakes in expressions: operators, constants, calls, arguments, entries, slices."""

from __future__ import annotations

import ast
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any
from typing import Final

from pytest_compiledai.functions.mutants.change import Change
from pytest_compiledai.functions.mutants.change import Piece
from pytest_compiledai.functions.mutants.change import Text
from pytest_compiledai.functions.mutants.texts import in_pattern
from pytest_compiledai.functions.mutants.texts import in_text

_COMPARED: Final[dict[type, tuple[type[ast.cmpop], ...]]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
_CALCULATED: Final[dict[type, type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
}
#: Methods that return their object in another form: left out, the object stays as it is.
_FORMING: Final = frozenset(
    {
        *("strip", "lstrip", "rstrip", "lower", "upper", "casefold", "title", "capitalize"),
        *("removeprefix", "removesuffix", "replace", "zfill", "quantize", "normalize"),
    }
)
_OTHER_METHOD: Final = {
    "find": "rfind",
    "rfind": "find",
    "startswith": "endswith",
    "endswith": "startswith",
    "partition": "rpartition",
    "rpartition": "partition",
    "fullmatch": "match",
    "match": "search",
    "search": "match",
}
_OTHER_FUNCTION: Final = {
    "min": "max",
    "max": "min",
    "any": "all",
    "all": "any",
    "sorted": "list",
    "round": "int",
}
_PATTERN_CALLS: Final = frozenset(
    {"compile", "match", "search", "fullmatch", "sub", "subn", "split", "findall", "finditer"}
)


def in_expression(text: Text, node: ast.expr, parent: ast.AST) -> Iterator[Change]:
    """Yield the mistakes that can be made at ``node`` itself, not in its parts."""
    if isinstance(node, ast.Constant):
        yield from _constant(text, node, parent)
    for shape, mistakes in _MISTAKES.items():
        if isinstance(node, shape):
            yield from mistakes(text, node)


def negated(text: Text, test: ast.expr) -> Change:
    """Return a condition turned round."""
    return text.replace("negation", test, f"not ({text.of(test)})")


def _constant(text: Text, node: ast.Constant, parent: ast.AST) -> Iterator[Change]:
    value = node.value
    if isinstance(value, bool):
        yield text.replace("constant", node, str(not value))
    elif isinstance(value, int | float):
        index = isinstance(parent, ast.Subscript | ast.Slice)
        for new in (value + 1, value - 1):
            yield text.replace("index" if index else "number", node, repr(new))
    elif isinstance(value, str) and not _is_reason(parent):
        edits = in_pattern if _is_pattern(node, parent) else in_text
        yield from edits(text, node)


def _is_reason(parent: ast.AST) -> bool:
    """Whether a text is why an input is not answered: words for people, judged by no gate."""
    return isinstance(parent, ast.Call) and _called(parent) == "Abstain"


def _is_pattern(node: ast.Constant, parent: ast.AST) -> bool:
    return (
        isinstance(parent, ast.Call)
        and isinstance(parent.func, ast.Attribute)
        and isinstance(parent.func.value, ast.Name)
        and parent.func.value.id == "re"
        and parent.func.attr in _PATTERN_CALLS
        and parent.args[:1] == [node]
    )


def _called(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _compare(text: Text, node: ast.Compare) -> Iterator[Change]:
    for index, operator in enumerate(node.ops):
        for other in _COMPARED[type(operator)]:
            ops = [*node.ops[:index], other(), *node.ops[index + 1 :]]
            new = ast.Compare(left=node.left, ops=ops, comparators=node.comparators)
            yield text.replace("comparison", node, ast.unparse(new))


def _boolean(text: Text, node: ast.BoolOp) -> Iterator[Change]:
    other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    yield text.replace("boolean", node, ast.unparse(ast.BoolOp(op=other, values=node.values)))
    for index in range(len(node.values)):
        left = [value for at, value in enumerate(node.values) if at != index]
        new = left[0] if len(left) == 1 else ast.BoolOp(op=node.op, values=left)
        yield text.replace("operand", node, ast.unparse(new))


def _arithmetic(text: Text, node: ast.BinOp) -> Iterator[Change]:
    other = _CALCULATED.get(type(node.op))
    if other is not None:
        new = ast.BinOp(left=node.left, op=other(), right=node.right)
        yield text.replace("arithmetic", node, ast.unparse(new))


def _call(text: Text, node: ast.Call) -> Iterator[Change]:
    if any(isinstance(item, ast.Starred) for item in node.args):
        return
    if isinstance(node.func, ast.Attribute):
        other = _OTHER_METHOD.get(node.func.attr)
        if other:
            _, end = text.span(node.func)
            yield Change(
                kind="method", pieces=(Piece(end - len(node.func.attr.encode()), end, other),)
            )
        if node.func.attr in _FORMING:
            yield text.replace("call", node, text.of(node.func.value))
    elif (name := _called(node)) in _OTHER_FUNCTION:
        yield Change(kind="call", pieces=(Piece(*text.span(node.func), _OTHER_FUNCTION[name]),))
    elif len(node.args) == 1 and not node.keywords and name not in ("", "Abstain"):
        yield text.replace("call", node, text.of(node.args[0]))
    if len(node.args) > 1:
        yield _swapped(text, "arguments", node.args[0], node.args[1])


def _swapped(text: Text, kind: str, one: ast.expr, other: ast.expr) -> Change:
    pieces = (
        Piece(*text.span(one), text.of(other)),
        Piece(*text.span(other), text.of(one)),
    )
    return Change(kind=kind, pieces=pieces)


def _slice(text: Text, node: ast.Subscript) -> Iterator[Change]:
    if not isinstance(node.slice, ast.Slice):
        return
    for bound in (node.slice.lower, node.slice.upper):
        if bound is not None:
            other = node.slice.upper if bound is node.slice.lower else node.slice.lower
            if other is not None:  # `[:]` would be no slice at all
                yield Change(kind="slice", pieces=(Piece(*text.span(bound), ""),))
            elif not isinstance(bound, ast.Constant):
                yield text.replace("slice", bound, f"{text.of(bound)} + 1")


def _entries(text: Text, node: ast.Dict) -> Iterator[Change]:
    keys = [key for key in node.keys if key is not None]
    if len(keys) < len(node.values):
        return  # with ** in it
    yield from _dropped(text, keys, node.values)
    if len(keys) > 1:
        yield _swapped(text, "swap", node.values[0], node.values[1])


def _dropped(text: Text, starts: Sequence[ast.expr], ends: Sequence[ast.expr]) -> Iterator[Change]:
    """Yield a display without one of its entries, each from ``starts`` to ``ends``."""
    if len(starts) < 2:  # noqa: PLR2004 - an empty display is another kind of mistake
        return
    for index in range(len(starts)):
        if index + 1 < len(starts):
            span = text.span(starts[index])[0], text.span(starts[index + 1])[0]
        else:
            span = text.span(ends[index - 1])[1], text.span(ends[index])[1]
        yield Change(kind="entry", pieces=(Piece(*span, ""),))


def _unary(text: Text, node: ast.UnaryOp) -> Iterator[Change]:
    kind = {ast.Not: "negation", ast.USub: "arithmetic"}.get(type(node.op))
    if kind:
        yield text.replace(kind, node, text.of(node.operand))


def _choice(text: Text, node: ast.IfExp) -> Iterator[Change]:
    yield text.replace("branch", node, text.of(node.body))
    yield text.replace("branch", node, text.of(node.orelse))


def _display(text: Text, node: ast.List | ast.Tuple | ast.Set) -> Iterator[Change]:
    if not isinstance(getattr(node, "ctx", None), ast.Store):  # `a, b = ...` is no display
        yield from _dropped(text, node.elts, node.elts)


_MISTAKES: Final[dict[type[ast.expr], Callable[[Text, Any], Iterator[Change]]]] = {
    ast.Compare: _compare,
    ast.BoolOp: _boolean,
    ast.UnaryOp: _unary,
    ast.BinOp: _arithmetic,
    ast.IfExp: _choice,
    ast.Call: _call,
    ast.Subscript: _slice,
    ast.Dict: _entries,
    ast.List: _display,
    ast.Tuple: _display,
    ast.Set: _display,
}
