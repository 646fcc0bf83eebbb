"""What a class may be: plain data and plain methods, no hook into how Python itself works."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.gates.policy.module import Module


def check(module: Module) -> Iterator[Finding]:
    """Yield a finding for each class statement that changes how objects are made, read or freed."""
    for node in module.of(ast.ClassDef):
        yield from _keywords(module, node)
        yield from _body(module, node)
        yield from _hidden(module, node)


def _keywords(module: Module, node: ast.ClassDef) -> Iterator[Finding]:
    for keyword in node.keywords:
        if keyword.arg == "metaclass" and module.dotted(keyword.value) in module.policy.metaclasses:
            continue
        if keyword.arg == "metaclass" or keyword.arg not in module.policy.class_keywords:
            found = f"the class keyword {keyword.arg or '**'!r}"
            yield module.finding("class", node, found, "a class without metaclass or keywords")


def _body(module: Module, node: ast.ClassDef) -> Iterator[Finding]:
    for child in node.body:
        match child:
            case ast.FunctionDef(name=name) if _is_dunder(name):
                allowed = module.policy.methods
            case ast.Assign(targets=[ast.Name(id=name)]) if _is_dunder(name):
                # `__radd__ = __add__` is as plain as the method it repeats.
                allowed = module.policy.fields | (module.policy.methods - {"__init__", "__new__"})
            case ast.AnnAssign(target=ast.Name(id=name)) if _is_dunder(name):
                allowed = module.policy.fields
            case _:
                continue
        if name == "__match_args__" and not _is_public(module, child):
            yield module.finding("class", child, "hidden names to match by", "public names")
        if name not in allowed:
            expected = "an ordinary method; hooks of the interpreter are closed"
            yield module.finding("class", child, f"{name!r} in a class", expected)


def _hidden(module: Module, node: ast.ClassDef) -> Iterator[Finding]:
    """Yield a finding for each special name that a class gets by anything but a plain line."""
    plain: set[ast.AST] = set()
    for child in node.body:
        match child:
            case ast.FunctionDef():
                plain.add(child)
            case (
                ast.Assign(targets=[ast.Name() as target])
                | ast.AnnAssign(target=ast.Name() as target)
            ):
                plain.add(target)
    for name, bound in module.scopes[node.body[0]].bindings.items():
        others = [item.node for item in bound if item.node not in plain]
        if _is_dunder(name) and others:
            expected = "a method, or one assignment, directly in the class"
            yield module.finding("class", others[0], f"a hidden binding of {name!r}", expected)


def _is_public(module: Module, node: ast.FunctionDef | ast.Assign | ast.AnnAssign) -> bool:
    value = None if isinstance(node, ast.FunctionDef) else node.value
    names = value.elts if isinstance(value, ast.Tuple | ast.List) else [value]
    return all(
        isinstance(name, ast.Constant)
        and isinstance(name.value, str)
        and not name.value.startswith("_")
        and name.value not in module.policy.frames | module.policy.clock
        for name in names
    )


def _is_dunder(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")
