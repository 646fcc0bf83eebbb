"""Class statements make classes: no metaclass, enumeration or variable makes one at run time.

A class that is put together by a call can have any special method, and so reach into how Python
makes, copies and matches objects.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.gates.policy.module import Module
from pytest_compiledai.gates.policy.scope import Binding

_METACLASSES = frozenset({"builtins.type", "abc.ABCMeta", "enum.EnumMeta", "enum.EnumType"})
_ENUMS = frozenset(
    f"enum.{name}" for name in ("Enum", "IntEnum", "StrEnum", "ReprEnum", "Flag", "IntFlag")
)
#: Calls whose class may be derived from: their names are looked at by the library itself.
_MADE_BASES = frozenset(
    {"collections.namedtuple()", "typing.NamedTuple()", "typing.TypedDict()", "typing.NewType()"}
)
_MADE = 3  # arguments with which a metaclass makes a class
_OWN = frozenset({"self", "cls"})
_ASKING = frozenset({"builtins.isinstance", "builtins.issubclass"})


def check(module: Module) -> Iterator[Finding]:
    """Yield a finding for each maker of classes as a value, each call of one, each unknown base."""
    for node in module.of(ast.Name, ast.Attribute):
        name = module.dotted(node)
        if _makes_classes(module, node, name) and not _is_named_only(module, node, name or ""):
            found = f"{ast.unparse(node)!r} used as a value"
            yield module.finding("reflection", node, found, "a class statement")
    for call in module.of(ast.Call):
        if module.described(call.func) == "builtins.type()" and _may_make(call):
            found = "a class built by the type of a class"
            yield module.finding("reflection", call, found, "a class statement")
    for statement in module.of(ast.ClassDef):
        yield from _bases(module, statement)


def _makes_classes(module: Module, node: ast.AST, name: str | None) -> bool:
    """Whether ``node`` names what makes a class of any shape when it is called.

    An enumeration does as long as it has no members, whatever the names given to it.
    """
    if name in _METACLASSES or name in _ENUMS:
        return True
    bound = module.bindings(node) if isinstance(node, ast.Name) else []
    return isinstance(getattr(node, "ctx", None), ast.Load) and any(
        isinstance(item.node, ast.ClassDef) and _is_open_enum(module, item.node) for item in bound
    )


def _is_open_enum(module: Module, node: ast.ClassDef, depth: int = 0) -> bool:
    if any(_is_member(module, child) for child in node.body) and not _sets(node, "_ignore_"):
        return False
    bases = [item.node for base in node.bases for item in _bound(module, base)]
    return any(module.dotted(base) in _ENUMS for base in node.bases) or any(
        isinstance(base, ast.ClassDef)
        and depth < len(module.of(ast.ClassDef))
        and _is_open_enum(module, base, depth + 1)
        for base in bases
    )


def _is_member(module: Module, child: ast.stmt) -> bool:
    match child:
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if not name.startswith("_"):
            automatic = isinstance(value, ast.Call) and module.dotted(value.func) == "enum.auto"
            return automatic or isinstance(value, ast.Constant | ast.Tuple)
    return False


def _sets(node: ast.ClassDef, name: str) -> bool:
    return any(isinstance(item, ast.Name) and item.id == name for item in ast.walk(node))


def _bases(module: Module, node: ast.ClassDef) -> Iterator[Finding]:
    for base in node.bases:
        named = base.value if isinstance(base, ast.Subscript) else base
        made = module.described(named) or ""
        known = module.dotted(named) is not None or made in _MADE_BASES
        bound = _bound(module, named)
        if not (known or (bound and all(item.kind in {"class", "type"} for item in bound))):
            found = "a base class that is only known when it runs"
            expected = "the name of a class of this module, or an imported one"
            yield module.finding("reflection", base, found, expected)


def _is_named_only(module: Module, node: ast.AST, name: str) -> bool:  # noqa: C901, PLR0911 - a form a line
    """Whether a metaclass is only named: asked about, compared, in a type hint."""
    above = module.parents.get(node)
    if isinstance(above, ast.Call) and above.func is node:
        return name == "builtins.type" or (name not in _METACLASSES and _is_lookup(above))
    if name not in _METACLASSES and isinstance(above, ast.ClassDef | ast.Attribute):
        return True  # an enumeration on top of it, one of its attributes
    while isinstance(above, ast.Tuple | ast.List | ast.BinOp):
        node, above = above, module.parents.get(above)
    match above:
        case ast.Call(func=function, args=[_, *_, last]) if last is node:
            return module.dotted(function) in _ASKING
        case ast.Call(func=function, args=[first, second]) if first is node:  # one argument each
            return module.dotted(function) == "builtins.map" and not isinstance(second, ast.Starred)
        case ast.keyword(arg="metaclass"):
            return name != "builtins.type"
        case ast.Compare(comparators=[other]) if not isinstance(other, ast.Tuple | ast.List):
            return True
        case ast.Subscript():
            return above.slice is node or isinstance(node, ast.Name)  # `type[Box]`, `list[type]`
        case ast.arg() | ast.AnnAssign():
            return above.annotation is node
        case ast.FunctionDef():
            return above.returns is node
    return False


def _is_lookup(call: ast.Call) -> bool:
    # `Queue("billing")` finds a member; with names it would make a class.
    return len(call.args) == 1 and not isinstance(call.args[0], ast.Starred) and not call.keywords


def _may_make(call: ast.Call) -> bool:
    match call.func:
        case ast.Call(args=[ast.Name(id=name)]) if name in _OWN:
            return False  # `type(self)(...)`: no class of a metaclass, which would need one
    spread = any(isinstance(item, ast.Starred) for item in call.args)
    return spread or len(call.args) >= _MADE


def _bound(module: Module, node: ast.expr) -> list[Binding]:
    return list(module.bindings(node)) if isinstance(node, ast.Name) else []
