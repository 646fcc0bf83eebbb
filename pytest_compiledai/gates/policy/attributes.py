"""Which attributes may be reached: no dunders, no insides of others, no frames, no open format."""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator

from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.gates.policy.hashing import is_given_back
from pytest_compiledai.gates.policy.module import Module

_OWN = frozenset({"self", "cls"})


def check(module: Module) -> Iterator[Finding]:
    """Yield a finding for each attribute, pattern or format field that leads out of a value."""
    for node in module.of(ast.Attribute, ast.MatchClass, ast.Call):
        match node:
            case ast.Attribute():
                yield from _attribute(module, node)
            case ast.MatchClass():
                for name in node.kwd_attrs:
                    yield from _reached(module, node, name, own=False)
                    if name in module.policy.clock:
                        found = f"a pattern that takes {name!r}, which reads the clock"
                        yield module.finding("clock", node, found, "the time as an input")
            case ast.Call(func=ast.Attribute(attr="format" | "format_map", value=value)):
                yield from _format(module, node, value)


def _attribute(module: Module, node: ast.Attribute) -> Iterator[Finding]:
    own = isinstance(node.value, ast.Name) and node.value.id in _OWN
    own = own and module.enclosing(node, (ast.ClassDef,)) is not None
    hidden = node.attr == "__hash__" and not is_given_back(module, node)
    if node.attr in module.policy.methods and _is_super(module, node.value) and not hidden:
        return
    if node.attr in {"format", "format_map"} and not _is_called(module, node):
        yield module.finding(
            "format", node, f"{node.attr!r} used as a value", "a call on a literal"
        )
    yield from _reached(module, node, node.attr, own=own)


def _reached(module: Module, node: ast.AST, name: str, *, own: bool) -> Iterator[Finding]:
    policy = module.policy
    if name == "__doc__" and not _is_defined_here(module, node):
        # `python -OO` leaves the library without its docstrings.
        expected = "a docstring of this module's own"
        yield module.finding("dunder", node, "'__doc__' of something else", expected)
    elif name.startswith("__") and name.endswith("__"):
        if name not in policy.dunder and not (
            name == "__class__" and _is_name_of_class(module, node)
        ):
            yield module.finding("dunder", node, f"the attribute {name!r}", "a public attribute")
    elif name in policy.frames:
        expected = "no way to frames, code or tracebacks"
        yield module.finding("frame", node, f"the attribute {name!r}", expected)
    elif name.startswith("_") and not (own or name in policy.public_private):
        if _is_own_class(module, node):
            return
        found = f"the private attribute {name!r} of something else"
        yield module.finding("private", node, found, "a public attribute")


def _is_defined_here(module: Module, node: ast.AST) -> bool:
    """Whether an attribute is of a function or a class of this module, by its name."""
    value = node.value if isinstance(node, ast.Attribute) else None
    bound = module.bindings(value) if isinstance(value, ast.Name) else []
    return bool(bound) and all(item.kind in {"def", "class"} for item in bound)


def _is_super(module: Module, node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and module.dotted(node.func) == "builtins.super"


def _is_called(module: Module, node: ast.AST) -> bool:
    parent = module.parents.get(node)
    return isinstance(parent, ast.Call) and parent.func is node


def _is_name_of_class(module: Module, node: ast.AST) -> bool:
    # `value.__class__.__name__` is the harmless way to name a type in a message.
    parent = module.parents.get(node)
    return isinstance(parent, ast.Attribute) and parent.attr == "__name__"


def _is_own_class(module: Module, node: ast.AST) -> bool:
    if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)):
        return False
    # `other._value` inside a class of this module, and `_Table._rows` of a class defined here.
    bound = module.bindings(node.value)
    if bound and all(item.kind == "class" for item in bound):
        # `_member_map_` and the like are the library's: an enumeration keeps in them what it met.
        classes = (found for item in bound for found in module.lineage(item.node))
        is_library = node.attr.endswith("_")
        return not is_library or any(node.attr in module.members(each) for each in classes)
    inside = module.enclosing(node, (ast.ClassDef,)) is not None
    return inside and bool(bound) and all(item.kind == "param" for item in bound)


def _format(module: Module, call: ast.Call, value: ast.expr) -> Iterator[Finding]:
    """Yield a finding unless the format string is a literal that reads no attribute."""
    text = module.constant(value)
    if not isinstance(text, str):
        if not _is_other_format(module, value):
            found = "format() on text that is not constant"
            yield module.finding("format", call, found, "an f-string or a literal")
        return
    try:
        fields = [name or "" for _, name, _, _ in string.Formatter().parse(text)]
    except ValueError:
        return
    if any("." in name or "__" in name for name in fields):
        yield module.finding("format", call, "a format field that reads attributes", "plain fields")


def _is_other_format(module: Module, node: ast.expr) -> bool:
    # `self.format(...)` and `Thing.format(...)` of this module are methods, not string formatting.
    if not isinstance(node, ast.Name):
        return False
    return node.id in _OWN or any(item.kind == "class" for item in module.bindings(node))
