"""What may stand at module level, and how control may flow.

Importing the module must do nothing but define: no statement runs for its effect, nothing that
changes when it is read is kept, no loop is without an end and no handler swallows everything.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_compiledai.core.trees import LARGEST_BITS
from pytest_compiledai.core.trees import huge_number
from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.gates.policy.module import Module

_DEFINITIONS = (
    ast.Import,
    ast.ImportFrom,
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.Assign,
    ast.AnnAssign,
)
_SWALLOWS = frozenset(
    f"builtins.{name}"
    for name in ("BaseException", "BaseExceptionGroup", "SystemExit", "KeyboardInterrupt")
)
_FLOW = (
    ast.AsyncFunctionDef,
    ast.AsyncFor,
    ast.AsyncWith,
    ast.Await,
    ast.comprehension,
    ast.ExceptHandler,
    ast.While,
    ast.For,
    ast.MatchMapping,
)
_FUNCTIONS = (ast.FunctionDef, ast.Lambda)


def check(module: Module) -> Iterator[Finding]:
    """Yield a finding for each statement out of place, endless loop or handler of everything."""
    for index, statement in enumerate(module.tree.body):
        yield from _top(module, statement, first=index == 0)
    huge = huge_number(module.tree)
    if huge is not None:
        found = f"a number of more than {LARGEST_BITS} bits"
        yield module.finding("size", huge, found, "smaller ones, or a rule that makes them")
    for node in module.of(*_FLOW):
        match node:
            case ast.AsyncFunctionDef() | ast.AsyncFor() | ast.AsyncWith() | ast.Await():
                yield module.finding("async", node, "asynchronous code", "plain functions")
            case ast.comprehension(is_async=1):
                yield module.finding("async", node.target, "asynchronous code", "plain functions")
            case ast.ExceptHandler():
                yield from _handler(module, node)
            case ast.While():
                yield from _loop(module, node)
            case ast.For():
                yield from _endless_for(module, node)
            case ast.MatchMapping():
                yield from _unread(module, node)


def _top(module: Module, node: ast.stmt, *, first: bool) -> Iterator[Finding]:
    if type(node).__name__ == "TypeAlias" or isinstance(node, ast.Pass):
        return
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        # A docstring, or `...`; a later string is a comment in disguise and as harmless.
        return
    if not isinstance(node, _DEFINITIONS):
        found = f"{_kind(node)} at module level" + (" (first statement)" if first else "")
        expected = "imports, constants, classes and functions only"
        yield module.finding("module-level", node, found, expected)
    elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
        yield from _constant(module, node)


def _kind(node: ast.stmt) -> str:
    return {"Expr": "an expression"}.get(type(node).__name__, f"{type(node).__name__.lower()!r}")


def _constant(module: Module, node: ast.Assign | ast.AnnAssign) -> Iterator[Finding]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    for target in targets:
        if isinstance(target, ast.Attribute | ast.Subscript):
            found = "a change of an object at module level"
            yield module.finding("module-level", node, found, "a name that is bound once")


def _handler(module: Module, node: ast.ExceptHandler) -> Iterator[Finding]:
    kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
    # A bare `except` outside a `while` hides mistakes, which Ruff's E722 says in the syntax gate;
    # inside one it makes a loop that cannot be stopped.
    looped = module.enclosing(node, (ast.While,)) is not None
    for kind in kinds:
        if (kind is None and looped) or (kind is not None and module.dotted(kind) in _SWALLOWS):
            found = "a handler of everything, even of being stopped"
            yield module.finding("except", node, found, "`except` with the errors that are meant")


def _loop(module: Module, node: ast.While) -> Iterator[Finding]:
    endless = isinstance(node.test, ast.Constant) and bool(node.test.value)
    if endless and not leaves(node.body):
        yield module.finding("loop", node, "a loop without an end", "a `break` or a `return` in it")


def _endless_for(module: Module, node: ast.For) -> Iterator[Finding]:
    name = module.dotted(node.iter.func) if isinstance(node.iter, ast.Call) else None
    endless = name in {"itertools.count", "itertools.cycle"}
    endless |= name == "itertools.repeat" and len(getattr(node.iter, "args", ())) == 1
    if endless and not leaves(node.body):
        yield module.finding("loop", node, "a loop without an end", "a `break` or a `return` in it")


def _unread(module: Module, node: ast.MatchMapping) -> Iterator[Finding]:
    """Yield what Semgrep gives up on: its silence would name neither the line nor the remedy."""
    if node.rest is not None or any(isinstance(key, ast.Attribute) for key in node.keys):
        found = "a mapping pattern with `**rest` or a dotted key, on which Semgrep ends"
        yield module.finding("tool", node, found, "the keys looked up in the case's body")


def leaves(body: list[ast.stmt]) -> bool:
    """Whether a statement in ``body`` leaves the loop that ``body`` belongs to."""
    pending: list[tuple[ast.AST, bool]] = [(statement, True) for statement in body]
    while pending:
        node, own = pending.pop()
        if isinstance(node, ast.Return | ast.Raise | ast.Yield | ast.YieldFrom):
            return True
        if isinstance(node, ast.Break) and own:
            return True
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            continue
        inner = own and not isinstance(node, ast.For | ast.While)
        pending.extend((child, inner) for child in ast.iter_child_nodes(node))
    return False
