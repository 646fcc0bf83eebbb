"""Which names may be read, and which may not be given a new meaning."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator

from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.gates.policy.hashing import is_given_back
from pytest_compiledai.gates.policy.module import Module
from pytest_compiledai.gates.policy.scope import Binding
from pytest_compiledai.gates.policy.scope import Scope

_BLINDING = frozenset({"TYPE_CHECKING", "no_type_check", "no_type_check_decorator", "reveal_type"})
# Not `__name__`: it would tell the sandbox, where the code is judged, from production.
_MODULE_NAMES = frozenset({"__doc__"})


def check(module: Module) -> Iterator[Finding]:
    """Yield a finding for each name that resolves to nothing, or to something not allowed."""
    for node in module.of(ast.Name, ast.Attribute, ast.alias):
        if isinstance(node, ast.Name):
            yield from _name(module, node)
        elif isinstance(node, ast.Attribute) and node.attr in _BLINDING:
            yield _blinding(module, node, node.attr)
        elif isinstance(node, ast.alias) and node.name in _BLINDING:
            yield _blinding(module, node, node.name)
    for scope in _unique(module):
        for name, bound in scope.bindings.items():
            yield from _rebinding(module, scope, name, bound)
    for call, name in module.calls():
        yield from _reflection(module, call, name)


def _unique(module: Module) -> list[Scope]:
    return list({id(scope): scope for scope in module.scopes.values()}.values())


def _blinding(module: Module, node: ast.AST, name: str) -> Finding:
    return module.finding(
        "suppression", node, f"{name!r}", "code that type checkers read as it runs"
    )


def _name(module: Module, node: ast.Name) -> Iterator[Finding]:
    if node.id in _BLINDING:
        yield _blinding(module, node, node.id)
        return
    if not isinstance(node.ctx, ast.Load) or _is_surely_bound(module, node):
        return
    if node.id in module.policy.builtins | module.policy.injected | _MODULE_NAMES:
        yield from _reflective(module, node)
    elif node.id == "hash" and is_given_back(module, node):
        return
    elif hasattr(builtins, node.id):
        expected = "an allowed builtin: no files, code, frames, process, output or addresses"
        yield module.finding("builtin", node, f"{node.id!r}", expected)
    else:
        yield module.finding("undefined", node, f"the undefined name {node.id!r}", "a bound name")


def _is_surely_bound(module: Module, node: ast.Name) -> bool:
    """Whether the name cannot mean the builtin, not even before its binding or after `del`.

    A local name is local from the first line of its function; a name of a module or class falls
    back to the builtin as long as it is not bound.
    """
    scope = module.home(node)
    if scope is None:
        return False
    closed = node.id not in module.policy.builtins or node.id in module.policy.reflective
    return scope.kind not in {"module", "class"} or not (closed and hasattr(builtins, node.id))


def _reflective(module: Module, node: ast.Name) -> Iterator[Finding]:
    parent = module.parents.get(node)
    called = isinstance(parent, ast.Call) and parent.func is node
    if node.id in module.policy.reflective and not called:
        found = f"{node.id!r} used as a value"
        yield module.finding("reflection", node, found, "a call with a constant name")


def _reflection(module: Module, call: ast.Call, name: str) -> Iterator[Finding]:
    plain = name.removeprefix("builtins.")
    if plain in module.policy.reflective:
        text = module.constant(call.args[1]) if len(call.args) > 1 else None
        if not isinstance(text, str) or not text.isidentifier() or _is_hidden(module, text):
            expected = "a constant public name, or plain attribute access"
            yield module.finding("reflection", call, f"{plain} with a computed name", expected)
    spread = any(isinstance(item, ast.Starred) for item in call.args)
    if plain == "type" and (len(call.args) != 1 or call.keywords or spread):
        yield module.finding("reflection", call, "a class built by type()", "a class statement")


def _is_hidden(module: Module, text: str) -> bool:
    policy = module.policy
    if text in {"format", "format_map", "register"} or text in policy.mutators:
        return True  # whose receiver the other rules look at
    return text.startswith("_") or text in policy.frames or text in policy.clock


def _rebinding(module: Module, scope: Scope, name: str, bound: list[Binding]) -> Iterator[Finding]:
    last = bound[-1].node
    if name.startswith("__") and name.endswith("__") and scope.kind != "class":
        yield module.finding("rebinding", last, f"a binding of {name!r}", "a name of your own")
    elif name in module.policy.injected:
        yield module.finding("rebinding", last, f"a binding of {name!r}", "the given class")
    elif any(item.kind == "import" for item in bound) and _differs(bound):
        found = f"a second meaning for the imported {name!r}"
        yield module.finding("rebinding", last, found, "one meaning for an imported name")


def _differs(bound: list[Binding]) -> bool:
    return len({(item.kind, item.target) for item in bound}) > 1
