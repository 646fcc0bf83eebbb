"""Answers whose order depends on the hash seed: a set of strings turned into a sequence.

Flags what is visibly a set of visibly strings; sets of numbers iterate alike in every process.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.gates.policy.module import Module

_SEQUENCES = frozenset(
    {
        "builtins.dict.fromkeys",
        "builtins.list",
        "builtins.tuple",
        "builtins.enumerate",
        "builtins.iter",
    }
)
_STRING_LISTS = frozenset({"split", "rsplit", "splitlines", "findall"})
_STRING_RESULTS = frozenset({"lower", "upper", "strip", "casefold", "title", "replace", "join"})
_SET_METHODS = frozenset({"union", "intersection", "difference", "symmetric_difference", "copy"})
_SETS = frozenset({"builtins.set", "builtins.frozenset"})
_STRING_HINTS = frozenset(
    {"list[str]", "set[str]", "frozenset[str]", "tuple[str, ...]", "List[str]"}
)
_DEPTH = 8  # names and calls that are looked through


def check(module: Module) -> Iterator[Finding]:
    """Yield a finding where a set of strings becomes a sequence without being sorted."""
    for assign in module.of(ast.Assign):
        yield from _some(module, assign)
    for node in module.of(ast.Call):
        if not node.args:
            continue
        name = module.dotted(node.func)
        joins = isinstance(node.func, ast.Attribute) and node.func.attr == "join"
        if not (name in _SEQUENCES or joins) or _is_sorted_around(module, node):
            continue
        if _is_string_set(module, node.args[0], 0):
            found = "a set of strings made a sequence, in an order that changes from run to run"
            yield module.finding("order", node, found, "sorted(...)")


def _some(module: Module, node: ast.Assign) -> Iterator[Finding]:
    """Yield a finding where one text of several in a set is taken, whichever comes first.

    `pop` is left alone: it is how the only text of a set is taken.
    """
    match node:
        case ast.Assign(targets=[ast.Tuple(elts=targets) | ast.List(elts=targets)], value=value):
            if len(targets) > 1 and _is_string_set(module, value, 0):
                found = "a text taken from a set, another one in another run"
                yield module.finding("order", node, found, "min(...) or sorted(...)")


def _is_sorted_around(module: Module, node: ast.AST) -> bool:
    parent = module.parents.get(node)
    name = module.dotted(parent.func) if isinstance(parent, ast.Call) else None
    return name in {"builtins.sorted", "builtins.len", "builtins.set", "builtins.frozenset"}


def _is_string_set(module: Module, node: ast.expr, depth: int) -> bool:  # noqa: PLR0911 - a form a line
    if depth > _DEPTH:
        return False
    match node:
        case ast.Set(elts=elements):
            return any(_is_string(module, item, depth + 1) for item in elements)
        case ast.SetComp(elt=element):
            return _is_string(module, element, depth + 1)
        case ast.Call(func=function, args=[inner, *_]) if module.dotted(function) in _SETS:
            return _holds_strings(module, inner, depth + 1)
        case ast.Call(func=ast.Attribute(value=value, attr=name)) if name in _SET_METHODS:
            return _is_string_set(module, value, depth + 1)
        case ast.BinOp(op=ast.BitOr() | ast.BitAnd() | ast.Sub() | ast.BitXor(), left=left):
            return _is_string_set(module, left, depth + 1)
        case ast.Name():
            return _named(module, node, depth)
    return False


def _named(module: Module, node: ast.Name, depth: int) -> bool:
    found = module.bindings(node)
    if len(found) != 1 or found[0].kind not in {"assign", "param"}:
        return False
    if isinstance(found[0].node, ast.arg):
        return _hint(found[0].node) in {"set[str]", "frozenset[str]"}
    return found[0].value is not None and _is_string_set(module, found[0].value, depth + 1)


def _holds_strings(module: Module, node: ast.expr, depth: int) -> bool:  # noqa: PLR0911 - a form a line
    """Whether iterating ``node`` visibly gives strings."""
    if depth > _DEPTH:
        return False
    match node:
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            return any(_is_string(module, item, depth + 1) for item in elements)
        case ast.ListComp(elt=element) | ast.GeneratorExp(elt=element):
            return _is_string(module, element, depth + 1)
        case ast.Call(func=ast.Attribute(attr=name)) if name in _STRING_LISTS:
            return True
        case ast.Name():
            found = module.bindings(node)
            if len(found) == 1 and isinstance(found[0].node, ast.arg):
                return _hint(found[0].node) in {"str", *_STRING_HINTS}
            if len(found) == 1 and found[0].kind == "assign" and found[0].value is not None:
                return _holds_strings(module, found[0].value, depth + 1)
    return _is_string(module, node, depth + 1) or _is_string_set(module, node, depth + 1)


def _is_string(module: Module, node: ast.expr, depth: int) -> bool:  # noqa: PLR0911 - a form a line
    if depth > _DEPTH:
        return False
    match node:
        case ast.Constant(value=str()) | ast.JoinedStr():
            return True
        case ast.Call(func=ast.Attribute(attr=name)) if name in _STRING_RESULTS:
            return True
        case ast.Call(func=function) if module.dotted(function) in {
            "builtins.str",
            "builtins.repr",
        }:
            return True
        case ast.Name():
            found = module.bindings(node)
            if len(found) != 1:
                return False
            if isinstance(found[0].node, ast.arg):
                return _hint(found[0].node) == "str"
            if found[0].kind == "loop" and found[0].value is not None:
                return isinstance(found[0].node, ast.Name) and _holds_strings(
                    module, found[0].value, depth + 1
                )
    return False


def _hint(argument: ast.arg) -> str:
    return ast.unparse(argument.annotation) if argument.annotation is not None else ""
