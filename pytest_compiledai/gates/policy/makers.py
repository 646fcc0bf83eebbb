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
from pytest_compiledai.gates.policy.scope import Scope

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

_Key = tuple[Scope | None, str]  # where a name is bound, and the name


def check(module: Module) -> Iterator[Finding]:
    """Yield a finding for each maker of classes as a value, each call of one, each unknown base."""
    enums = _open_enums(module)
    for node in module.of(ast.Name, ast.Attribute):
        name = module.dotted(node)
        own = (
            isinstance(node, ast.Name) and _is_read(node) and (module.home(node), node.id) in enums
        )
        makes = own or name in _METACLASSES or name in _ENUMS
        if makes and not _is_named_only(module, node, name or ""):
            found = f"{ast.unparse(node)!r} used as a value"
            yield module.finding("reflection", node, found, "a class statement")
    for call in module.of(ast.Call):
        if module.described(call.func) == "builtins.type()" and _may_make(call):
            found = "a class built by the type of a class"
            yield module.finding("reflection", call, found, "a class statement")
    for statement in module.of(ast.ClassDef):
        yield from _bases(module, statement)


def _is_read(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Load)


def _open_enums(module: Module) -> set[_Key]:
    """Return the names of enumerations without members, which make a class when they are called.

    From the library's down to what derives from them, each class looked at once.
    """
    classes = [node for node in module.of(ast.ClassDef) if not _has_members(module, node)]
    below: dict[_Key, list[_Key]] = {}
    pending: list[_Key] = []
    for node in classes:
        own = (module.scopes[node], node.name)
        for base in node.bases:
            if module.dotted(base) in _ENUMS:
                pending.append(own)
            elif isinstance(base, ast.Name):
                below.setdefault((module.home(base), base.id), []).append(own)
    found: set[_Key] = set()
    while pending:
        key = pending.pop()
        if key not in found:
            found.add(key)
            pending += below.get(key, ())
    return found


def _has_members(module: Module, node: ast.ClassDef) -> bool:
    inner = module.scopes[node.body[0]]
    return "_ignore_" not in inner.bindings and any(
        _is_member(module, child) for child in node.body
    )


def _is_member(module: Module, child: ast.stmt) -> bool:
    match child:
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if not name.startswith("_"):
            automatic = isinstance(value, ast.Call) and module.dotted(value.func) == "enum.auto"
            return automatic or isinstance(value, ast.Constant | ast.Tuple)
    return False


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
