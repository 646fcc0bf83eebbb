"""Answers that depend on which object a value is, and not on the value.

An input that was read from JSON holds new texts and numbers; a caller's may be the very objects of
a constant or of another field, and a cache forgets. `is` then tells the gates from production.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.gates.policy.module import Module
from pytest_compiledai.gates.policy.scope import FUNCTIONS
from pytest_compiledai.gates.policy.scope import Binding

_TEXTS: Final = frozenset(
    {"capitalize", "casefold", "decode", "encode", "format", "join", "lower", "lstrip", "replace",
     "removeprefix", "removesuffix", "rstrip", "strip", "swapcase", "title", "translate", "upper",
     "zfill", "split", "splitlines"}
)  # fmt: skip
_MAKERS: Final = frozenset(
    f"builtins.{name}"
    for name in ("str", "int", "float", "bytes", "list", "dict", "tuple", "set", "frozenset",
                 "repr", "sorted", "abs", "round", "sum", "len", "ord", "chr")
)  # fmt: skip
_HARMLESS: Final = frozenset({"Match", "Pattern"})  # of `re`: names of types; flags are in capitals
_DEPTH: Final = 8  # names that are looked through
_LITERALS: Final = (
    ast.JoinedStr, ast.List, ast.Dict, ast.Tuple, ast.Set, ast.BinOp, ast.ListComp, ast.DictComp
)  # fmt: skip


def check(module: Module) -> Iterator[Finding]:
    """Yield a finding for each comparison of data by `is`, and each cache of bare objects."""
    for node in module.of(ast.Compare):
        sides = [node.left, *node.comparators]
        for place, sign in enumerate(node.ops):
            pair = sides[place : place + 2]
            if (
                isinstance(sign, ast.Is | ast.IsNot)
                and any(_is_data(module, side) for side in pair)
                and not all(_is_own(module, side) for side in pair)
                and not any(_is_single(module, side) for side in pair)
            ):
                found = "data compared by `is`, which asks where a value lies"
                yield module.finding("identity", node, found, "`==`")
    for function in module.of(ast.FunctionDef):
        yield from _forgetful(module, function)


def _is_single(module: Module, node: ast.expr) -> bool:
    """Whether there is one such object: None, a class, a marker, a member of an enumeration."""
    match node:
        case ast.Constant(value=value):
            return value is None or isinstance(value, bool) or value is ...
        case ast.Attribute(value=ast.Name() as owner):
            return any(item.kind in {"class", "import"} for item in module.bindings(owner))
        case ast.Call(func=function):
            return module.dotted(function) == "builtins.type"
        case ast.Name():
            bound = module.bindings(node)
            return not bound or all(_is_marker(module, item) for item in bound)
    return False


def _is_marker(module: Module, item: Binding) -> bool:
    if item.kind in {"class", "def", "import"}:
        return True
    called = item.value.func if isinstance(item.value, ast.Call) else None
    if called is None:
        return False
    made = module.dotted(called)
    return made == "builtins.object" or (made == "re.compile" and _compiles_on_import(module))


def _compiles_on_import(module: Module) -> bool:
    """Whether `re` makes patterns on import alone: later its cache may have forgotten them."""
    return all(
        _is_on_import(module, node)
        for node in (*module.of(ast.Attribute), *module.of(ast.Name))
        if (module.dotted(node) or "").startswith("re.")
    )


def _is_on_import(module: Module, node: ast.expr) -> bool:
    name = (module.dotted(node) or "").removeprefix("re.")
    call = module.parents.get(node)
    made = isinstance(call, ast.Call) and call.func is node and name == "compile"
    inside = module.enclosing(node, FUNCTIONS) is not None
    return name in _HARMLESS or name.isupper() or (made and not inside)


def _is_data(  # noqa: PLR0911 - a form a line
    module: Module, node: ast.expr | None, depth: int = 0
) -> bool:
    if depth > _DEPTH:
        return False
    match node:
        case ast.Constant(value=value):
            return isinstance(value, str | bytes | int | float) and not isinstance(value, bool)
        case ast.Subscript(value=value) | ast.Attribute(value=value):
            return _is_data(module, value, depth + 1)
        case ast.Call(func=ast.Attribute(attr=name, value=value)):
            inner = name in {"get", "pop"} and _is_data(module, value, depth + 1)
            return inner or name in _TEXTS
        case ast.Call(func=function):
            return module.dotted(function) in _MAKERS
        case ast.Name():
            return any(_is_bound_to_data(module, item, depth) for item in module.bindings(node))
        case ast.IfExp(body=first, orelse=second):
            return _is_data(module, first, depth + 1) or _is_data(module, second, depth + 1)
    return isinstance(node, _LITERALS)


def _is_bound_to_data(module: Module, item: Binding, depth: int) -> bool:
    if isinstance(item.node, ast.arg):
        return _is_plain(module, item.node.annotation)
    above = module.parents.get(item.node)
    if isinstance(above, ast.Tuple) and isinstance(item.value, ast.Tuple):
        pairs = zip(above.elts, item.value.elts, strict=False)
        return any(one is item.node and _is_data(module, two, depth + 1) for one, two in pairs)
    if item.kind == "loop" and isinstance(item.value, ast.Tuple | ast.List):
        return any(_is_data(module, part, depth + 1) for part in item.value.elts)
    return item.kind in {"assign", "loop"} and _is_data(module, item.value, depth + 1)


def _is_own(module: Module, node: ast.expr | None, depth: int = 0) -> bool:
    """Whether a value was made on import: no caller has such an object, unless it is given one."""
    match node:
        case ast.Subscript(value=value):
            return _is_own(module, value, depth + 1)
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            return all(_is_own(module, part, depth + 1) for part in parts)
        case ast.Name() if depth <= _DEPTH:
            bound = module.bindings(node)
            return bool(bound) and all(_is_bound_to_own(module, item, depth) for item in bound)
    return False


def _is_bound_to_own(module: Module, item: Binding, depth: int) -> bool:
    if item.kind in {"assign", "loop"} and isinstance(item.node, ast.Name):
        if module.enclosing(item.node, FUNCTIONS) is None:
            return item.kind == "assign"
        whole = not isinstance(module.parents.get(item.node), ast.Tuple | ast.List | ast.Starred)
        return whole and _is_own(module, item.value, depth + 1)
    return item.kind in {"class", "def", "import"}


def _is_plain(module: Module, annotation: ast.expr | None) -> bool:
    """Whether an annotation speaks of JSON alone: no class of this module but a `TypedDict`."""
    if annotation is None:
        return False
    names = [node for node in ast.walk(annotation) if isinstance(node, ast.Name)]
    return not any(
        (isinstance(item.node, ast.ClassDef) and not _is_typed_dict(module, item.node))
        or (item.kind == "import" and not item.target.startswith(("typing", "collections.abc")))
        for name in names
        for item in module.bindings(name)
    )


def _is_typed_dict(module: Module, node: ast.ClassDef) -> bool:
    return any(
        module.dotted(base) == "typing.TypedDict"
        for found in module.lineage(node)
        for base in found.bases
    )


def _forgetful(module: Module, function: ast.FunctionDef) -> Iterator[Finding]:
    """Yield a finding where a bounded cache hands out objects that only equal themselves."""
    returned = function.returns
    if not isinstance(returned, ast.Name) or not (function.args.args or function.args.kwonlyargs):
        return
    bounded = any(_is_bounded(module, item) for item in function.decorator_list)
    made = [item.node for item in module.bindings(returned)]
    own = any(isinstance(node, ast.ClassDef) and not _has_equal(module, node) for node in made)
    if bounded and (own or module.dotted(returned) == "builtins.object"):
        found = f"objects of {returned.id!r} kept by a cache that forgets some"
        yield module.finding("identity", function, found, "a class with `__eq__`, or `cache`")


def _is_bounded(module: Module, decorator: ast.expr) -> bool:
    if not isinstance(decorator, ast.Call):
        return module.dotted(decorator) == "functools.lru_cache"
    sizes = [*decorator.args[:1], *(w.value for w in decorator.keywords if w.arg == "maxsize")]
    endless = any(isinstance(size, ast.Constant) and size.value is None for size in sizes)
    return module.dotted(decorator.func) == "functools.lru_cache" and not endless


def _has_equal(module: Module, node: ast.ClassDef) -> bool:
    lineage = list(module.lineage(node))
    if any("__eq__" in module.members(found) or found.decorator_list for found in lineage):
        return True
    return any(module.dotted(base) is not None for found in lineage for base in found.bases)
