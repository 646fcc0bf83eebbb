"""Steps outside what there is: one index too many, a loop or a call of itself without an end.

Finds what the text shows. Whether another loop ends, the sandbox finds out by running it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_compiledai.core.trees import walk
from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.gates.policy.module import Module
from pytest_compiledai.gates.policy.shape import leaves

_NUMBERS = frozenset(
    {"builtins.len", "builtins.int", "builtins.round", "builtins.abs", "builtins.ord"}
)
_BRANCHES = (
    ast.If, ast.IfExp, ast.BoolOp, ast.Try, ast.While, ast.For, ast.Match, ast.comprehension,
    ast.Yield, ast.YieldFrom, ast.Lambda, ast.FunctionDef, ast.ClassDef,
)  # fmt: skip


def check(module: Module) -> Iterator[Finding]:
    """Yield a finding for each index past the end, and each loop or recursion that cannot end."""
    for node in module.of(ast.Subscript, ast.For, ast.While, ast.FunctionDef):
        match node:
            case ast.Subscript(value=value, slice=ast.Call() as index, ctx=ast.Load()):
                if _is_length(module, index, value):
                    yield _past(module, node)
            case ast.For():
                yield from _for(module, node)
            case ast.While():
                yield from _while(module, node)
            case ast.FunctionDef():
                yield from _recursion(module, node)


def _past(module: Module, node: ast.AST) -> Finding:
    return module.finding("bounds", node, "an index one past the end", "an index below len()")


def _is_length(module: Module, call: ast.expr, of: ast.expr | None = None) -> bool:
    if not isinstance(call, ast.Call) or module.dotted(call.func) != "builtins.len":
        return False
    return of is None or (bool(call.args) and ast.unparse(call.args[0]) == ast.unparse(of))


def _for(module: Module, node: ast.For) -> Iterator[Finding]:
    if isinstance(node.iter, ast.Call) and module.dotted(node.iter.func) in _NUMBERS:
        yield module.finding("bounds", node, "a number that is iterated", "range() of it")
        return
    match node.iter:
        case ast.Call(func=function, args=[*_, ast.BinOp(op=ast.Add()) as end]) if module.dotted(
            function
        ) == "builtins.range" and isinstance(node.target, ast.Name):
            if _is_length(module, end.left) and isinstance(end.left, ast.Call) and end.left.args:
                yield from _indexed(module, node.body, end.left.args[0], node.target.id)


def _while(module: Module, node: ast.While) -> Iterator[Finding]:
    match node.test:
        case ast.Compare(left=ast.Name(id=name), ops=[ast.LtE()], comparators=[ast.Call() as end]):
            if _is_length(module, end) and end.args:
                yield from _indexed(module, node.body, end.args[0], name)
    if not leaves(node.body) and not _can_change(module, node):
        found = "a loop whose condition nothing in it changes"
        yield module.finding("loop", node, found, "a step towards its end")


def _indexed(
    module: Module, body: list[ast.stmt], sequence: ast.expr, index: str
) -> Iterator[Finding]:
    text = ast.unparse(sequence)
    for statement in body:
        for node in ast.walk(statement):
            match node:
                case ast.Subscript(value=value, slice=ast.Name(id=name), ctx=ast.Load()) if (
                    name == index and ast.unparse(value) == text
                ):
                    if not _is_asked(module, node, index):
                        yield _past(module, node)


def _is_asked(module: Module, node: ast.AST, index: str) -> bool:
    """Whether a condition between the loop and the access mentions the index."""
    below, above = node, module.parents.get(node)
    while above is not None and not isinstance(above, ast.For | ast.While):
        if isinstance(above, ast.If | ast.IfExp) and above.test is not below:
            names = (n.id for n in ast.walk(above.test) if isinstance(n, ast.Name))
            if index in names:
                return True
        if isinstance(above, ast.BoolOp | ast.Try):
            return True
        below, above = above, module.parents.get(above)
    return False


def _can_change(module: Module, loop: ast.While) -> bool:
    """Whether the condition may look at anything that the body, or what it calls, changes."""
    names = {node.id for node in ast.walk(loop.test) if isinstance(node, ast.Name)}
    if not names or not _is_of_values(module, loop.test):
        return True
    if module.of(ast.Nonlocal, ast.Global):
        return True
    return any(
        isinstance(node, ast.Name) and node.id in names and not isinstance(node.ctx, ast.Load)
        for statement in loop.body
        for node in ast.walk(statement)
    )


def _is_of_values(module: Module, test: ast.expr) -> bool:
    """Whether a condition compares local numbers and flags, which no call can change in place."""
    match test:
        case ast.Name():
            found = module.bindings(test)
            plain = all(isinstance(item.value, ast.Constant) for item in found)
            return bool(found) and plain and not module.is_global(test)
        case ast.Constant():
            return True
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            return _is_of_values(module, inner)
        case ast.BoolOp(values=values):
            return all(_is_of_values(module, value) for value in values)
        case ast.Compare(left=left, ops=[ast.Lt() | ast.LtE() | ast.Gt() | ast.GtE()]):
            sides = [left, *test.comparators]
            return all(
                isinstance(s, ast.Name | ast.Constant) and _is_local(module, s) for s in sides
            )
    return False


def _is_local(module: Module, node: ast.expr) -> bool:
    return not isinstance(node, ast.Name) or not module.is_global(node)


def _recursion(module: Module, function: ast.FunctionDef) -> Iterator[Finding]:
    inside = list(walk(*function.body))
    if any(isinstance(node, _BRANCHES) for node in inside):
        return
    for node in inside:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            found = module.bindings(node.func)
            if len(found) == 1 and found[0].node is function:
                expected = "a case that does not call the function again"
                yield module.finding("loop", node, "a function that always calls itself", expected)
