"""Functions and forms that reach into objects by a name which is only a text.

`functools.wraps` copies any attribute to anything, `dataclass` executes text made of field names,
a class pattern reads what `__match_args__` names. Each is allowed in the one form in which the
code shows what it does.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.gates.policy.module import Module

_MAKES_TEXT = "dataclasses.dataclass"
# What a field's name may hold: nothing that would end a name in a program text.
_FIELD = re.compile(r"[\w .@$-]*")


def check(module: Module) -> Iterator[Finding]:
    """Yield a finding for each use of such a function or pattern in another form."""
    for node in module.of(ast.Name, ast.Attribute):
        name = module.dotted(node)
        if name == "functools.wraps" and not _is_wrapping(module, node):
            expected = "`@wraps(function)` above a function, and nothing else"
            yield module.finding("reflection", node, "functools.wraps in another form", expected)
        elif name == _MAKES_TEXT and not _is_decorator(module, node):
            expected = "`@dataclass` above a class statement"
            yield module.finding("reflection", node, "dataclass called by itself", expected)
    for call in module.of(ast.Call):
        yield from _call(module, call)
    for pattern in module.of(ast.MatchClass):
        yield from _pattern(module, pattern)


def _is_wrapping(module: Module, node: ast.AST) -> bool:
    call = module.parents.get(node)
    match call:
        case ast.Call(func=function, args=[ast.Name() | ast.Attribute()], keywords=[]):
            above = module.parents.get(call)
            return (
                function is node
                and isinstance(above, ast.FunctionDef)
                and call in above.decorator_list
            )
    return False


def _is_decorator(module: Module, node: ast.AST) -> bool:
    above = module.parents.get(node)
    if isinstance(above, ast.Call) and above.func is node:
        node, above = above, module.parents.get(above)
    return isinstance(above, ast.ClassDef) and node in above.decorator_list


def _call(module: Module, call: ast.Call) -> Iterator[Finding]:
    if module.dotted(call.func) == "typing.TypedDict" and not _is_plain_dict(module, call):
        expected = "a dictionary written out, its keys plain words"
        yield module.finding("reflection", call, "a TypedDict of computed keys", expected)
    if isinstance(call.func, ast.Attribute) and call.func.attr == "register":
        yield from _registered(module, call.func)


def _is_plain_dict(module: Module, call: ast.Call) -> bool:
    if any(word.arg not in {"total", "closed"} for word in call.keywords):
        return False
    fields = call.args[1] if len(call.args) > 1 else None
    if fields is None or not isinstance(fields, ast.Dict):
        return fields is None
    names = (module.constant(key) for key in fields.keys)
    return all(isinstance(name, str) and bool(_FIELD.fullmatch(name)) for name in names)


def _registered(module: Module, function: ast.Attribute) -> Iterator[Finding]:
    """Yield a finding where an abstract class is told that something is an instance of it."""
    name = module.dotted(function) or ""
    known = name.startswith(("abc.", "collections.abc.", "numbers.", "typing."))
    if known or (isinstance(function.value, ast.Name) and is_inherited(module, function)):
        found = "'register' of an abstract class"
        yield module.finding("reflection", function, found, "a class that derives from it")


def _pattern(module: Module, pattern: ast.MatchClass) -> Iterator[Finding]:
    name = module.dotted(pattern.cls)
    known = name is not None or (
        isinstance(pattern.cls, ast.Name)
        and bool(found := module.bindings(pattern.cls))
        and all(item.kind == "class" for item in found)
    )
    if not known:
        found_text = "a pattern of a class that is only known when it runs"
        expected = "the name of a class of this module, or an imported one"
        yield module.finding("reflection", pattern, found_text, expected)


def is_inherited(module: Module, node: ast.Attribute) -> bool:
    """Whether ``node`` reads from a class of this module what that class does not define itself."""
    if not isinstance(node.value, ast.Name):
        return False
    key = (module.home(node.value), node.value.id, node.attr)
    if key not in module.inherited:
        classes = [item.node for item in module.bindings(node.value)]
        module.inherited[key] = any(
            isinstance(found, ast.ClassDef) and not defines(module, found, node.attr)
            for found in classes
        )
    return module.inherited[key]


def defines(module: Module, node: ast.ClassDef, name: str) -> bool:
    """Whether a class of this module, or one of its bases here, gives ``name`` a meaning."""
    return any(name in module.members(found) for found in module.lineage(node))
