"""Values that outlive a call and that a call can change, wherever the change stands.

`purity` finds a change of a name of the module where it is written. Here the change stands in a
method of an instance, in a function that another one made, or in a helper that was handed the
value: it may happen on rare inputs only, which no run has to meet.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.gates.policy.changing import changes
from pytest_compiledai.gates.policy.module import Module
from pytest_compiledai.gates.policy.purity import VIEWS
from pytest_compiledai.gates.policy.purity import is_cached
from pytest_compiledai.gates.policy.purity import owner
from pytest_compiledai.gates.policy.scope import FUNCTIONS
from pytest_compiledai.gates.policy.scope import MAKING
from pytest_compiledai.gates.policy.scope import parameters

#: Special methods that change an object, asked for by `super()`.
_CHANGING: Final = frozenset({"__setitem__", "__delitem__", "__iadd__", "__ior__", "__setattr__"})


def check(module: Module) -> Iterator[Finding]:
    """Yield a finding for each lasting value that a call can change."""
    changed = list(_changes(module))
    changing = _changing(module, changed)
    for call in module.of(ast.Call):
        if isinstance(call.func, ast.Name):
            if is_lasting(module, call):
                yield from _made(module, call, call.func, changed)
            else:
                yield from _handed(module, call, changing)
    for value in module.of(ast.GeneratorExp, ast.Call):
        if _is_iterator(module, value) and _is_kept(module, value):
            found = "an iterator kept at module level"
            expected = "a tuple: it does not change when read"
            yield module.finding("module-level", value, found, expected)
    for function in module.of(ast.FunctionDef):
        for decorator in function.decorator_list:
            if isinstance(decorator, ast.Name) and is_lasting(module, decorator):
                yield from _made(module, decorator, decorator, changed)


def _changes(module: Module) -> Iterator[tuple[ast.AST, ast.Name]]:
    """Yield each place that changes a value, and the name from which the value is reached."""
    for node, changed, grows, given in changes(module):
        if grows and not isinstance(given[0], ast.List | ast.Dict | ast.Set):
            continue  # a number or a text, as far as its name tells
        root = _root(module, changed)
        if isinstance(root, ast.Name):
            yield node, root


def _root(module: Module, node: ast.expr) -> ast.expr:
    """Return what a value is reached from: `self` for `self.seen[k]` and for a name of either."""
    seen: set[ast.AST] = set()
    while node not in seen:
        seen.add(node)
        match node:
            case ast.Attribute(value=value) | ast.Subscript(value=value):
                node = value
            case ast.Call(func=ast.Attribute(value=value, attr=name)) if name in VIEWS:
                node = value
            case ast.Name():
                node = _aliased(module, node) or node
    return node


def _aliased(module: Module, node: ast.Name) -> ast.expr | None:
    """Return the part of another value that a name stands for, where that is all it stands for."""
    bound = module.bindings(node)
    value = bound[0].value if len(bound) == 1 and bound[0].kind in {"assign", "loop"} else None
    return value if isinstance(value, ast.Attribute | ast.Subscript | ast.Name) else None


def is_lasting(module: Module, node: ast.AST) -> bool:
    """Whether what an expression gives outlives the call: made on import, as a default, cached."""
    function = maker(module, node)
    return function is None or is_cached(module, function)


def maker(module: Module, node: ast.AST) -> ast.AST | None:
    """Return the function in whose run an expression is evaluated; None for the module's own."""
    inner, above = node, module.parents.get(node)
    while above is not None:
        if isinstance(above, FUNCTIONS) and not _is_outside(above, inner):
            return above
        inner, above = above, module.parents.get(above)
    return None


def _is_iterator(module: Module, value: ast.AST) -> bool:
    """Whether an expression gives what changes when it is read or entered."""
    match value:
        case ast.Call(func=ast.Attribute(attr=name)) if name in module.policy.iterator_methods:
            return True
        case ast.Call(func=function):
            name = module.dotted(function) or ""
            made = module.bindings(function) if isinstance(function, ast.Name) else []
            return (
                name in module.policy.iterators
                or name.startswith("itertools.")
                or any(_gives_in_steps(module, item.node) for item in made)
            )
    return isinstance(value, ast.GeneratorExp)


def _gives_in_steps(module: Module, function: ast.AST) -> bool:
    return isinstance(function, ast.FunctionDef) and any(
        module.enclosing(node, FUNCTIONS) is function
        for node in module.of(ast.Yield, ast.YieldFrom)
    )


def _is_kept(module: Module, value: ast.AST) -> bool:
    """Whether a value outlives the call as it is: bound, as a default, or a part of what is."""
    inner, above = value, module.parents.get(value)
    while above is not None and (isinstance(above, _PLACES) or _holds(module, above, inner)):
        inner, above = above, module.parents.get(above)
    bound = isinstance(above, ast.Assign | ast.AnnAssign | ast.NamedExpr | ast.arguments)
    return bound and maker(module, value) is None


#: Expressions whose value holds the values of their parts.
_PLACES: Final = (
    ast.Tuple, ast.List, ast.Set, ast.Dict, ast.IfExp, ast.BoolOp, ast.BinOp, ast.Starred,
    ast.Subscript, ast.keyword,
)  # fmt: skip
_HOLDERS: Final = frozenset({"builtins.dict", "types.SimpleNamespace", "functools.partial"})


def _holds(module: Module, above: ast.AST, inner: ast.AST) -> bool:
    """Whether what a comprehension or a call gives keeps one of its parts as it is."""
    match above:
        case ast.ListComp(elt=kept) | ast.SetComp(elt=kept) | ast.DictComp(value=kept):
            return kept is inner
        case ast.Call(func=function):
            bound = module.bindings(function) if isinstance(function, ast.Name) else []
            is_own = any(isinstance(item.node, ast.ClassDef) for item in bound)
            name = module.dotted(function)
            if name == "builtins.dict" and inner in above.args and _is_iterator(module, inner):
                return False  # read to its end at once: `dict(zip(names, values))`
            return is_own or name in _HOLDERS
    return False


def _is_outside(function: ast.AST, part: ast.AST) -> bool:
    """Whether a part of a function is evaluated where the function is made: default, decorator."""
    return part is getattr(function, "args", None) or part in getattr(
        function, "decorator_list", []
    )


def _made(
    module: Module, node: ast.AST, name: ast.Name, changes: list[tuple[ast.AST, ast.Name]]
) -> Iterator[Finding]:
    for item in module.bindings(name):
        if isinstance(item.node, ast.ClassDef) and _changes_itself(module, item.node, changes):
            found = f"an instance of {name.id!r} that outlives the call and changes itself"
            yield module.finding("mutation", node, found, "an instance made inside the function")
        elif isinstance(item.node, ast.FunctionDef) and _keeps(module, item.node, changes):
            found = f"a function made by {name.id!r} that keeps state between calls"
            yield module.finding("mutation", node, found, "values passed and returned")


def _changes_itself(
    module: Module, node: ast.ClassDef, changes: list[tuple[ast.AST, ast.Name]]
) -> bool:
    for found in module.lineage(node):
        for method in found.body:
            if isinstance(method, ast.FunctionDef) and method.name not in MAKING:
                first = next(iter(parameters(method.args)), None)
                if any(
                    [item.node for item in module.bindings(name)] == [first] for _, name in changes
                ):
                    return True
                if any(_changes_by_base(module, part) for part in ast.walk(method)):
                    return True
    return False


def _changes_by_base(module: Module, node: ast.AST) -> bool:
    """Whether `super().append` or `super().__setitem__` is named."""
    match node:
        case ast.Attribute(value=ast.Call(func=function), attr=name):
            is_change = name in module.policy.mutators or name in _CHANGING
            return is_change and module.dotted(function) == "builtins.super"
    return False


def _keeps(
    module: Module, function: ast.FunctionDef, changes: list[tuple[ast.AST, ast.Name]]
) -> bool:
    """Whether a function returns one of its inner functions, which changes what it encloses."""
    inner = [
        node for node in module.of(*FUNCTIONS) if module.enclosing(node, FUNCTIONS) is function
    ]
    if not inner or not any(_hands_out(module, node, function) for node in module.of(ast.Return)):
        return False
    if any(module.enclosing(node, FUNCTIONS) in inner for node in module.of(ast.Nonlocal)):
        return True
    return any(
        module.enclosing(node, FUNCTIONS) in inner
        and (home := module.home(name)) is not None
        and home.node is function
        for node, name in changes
    )


def _hands_out(module: Module, node: ast.Return, function: ast.FunctionDef) -> bool:
    if node.value is None or module.enclosing(node, FUNCTIONS) is not function:
        return False
    return any(
        isinstance(part, ast.Lambda)
        or (isinstance(part, ast.Name) and any(i.kind == "def" for i in module.bindings(part)))
        for part in ast.walk(node.value)
    )


def _changing(module: Module, changes: list[tuple[ast.AST, ast.Name]]) -> dict[ast.AST, set[int]]:
    """Return for each function the places of the parameters that it, or its helper, changes."""
    found: dict[ast.AST, set[int]] = {}
    places = {
        parameter: (function, place)
        for function in module.of(ast.FunctionDef)
        for place, parameter in enumerate(parameters(function.args))
    }

    def changed(name: ast.expr) -> bool:
        bound = module.bindings(name) if isinstance(name, ast.Name) else []
        if len(bound) != 1 or bound[0].node not in places:
            return False
        function, place = places[bound[0].node]
        before = found.setdefault(function, set())
        new = place not in before
        before.add(place)
        return new

    for _, name in changes:
        changed(name)
    again = bool(found)
    while again:
        again = False
        for call in module.of(ast.Call):
            for argument in _changed_arguments(module, call, found):
                again = changed(_root(module, argument)) or again
    return found


def _changed_arguments(
    module: Module, call: ast.Call, changing: dict[ast.AST, set[int]]
) -> list[ast.expr]:
    bound = module.bindings(call.func) if isinstance(call.func, ast.Name) else []
    if len(bound) != 1 or bound[0].node not in changing:
        return []
    function = bound[0].node
    if not isinstance(function, ast.FunctionDef):
        return []
    names = [item.arg for item in parameters(function.args)]
    places = changing[function]
    given = [value for place, value in enumerate(call.args) if place in places]
    given += [word.value for word in call.keywords if word.arg in {names[p] for p in places}]
    return given


def _handed(module: Module, call: ast.Call, changing: dict[ast.AST, set[int]]) -> Iterator[Finding]:
    for argument in _changed_arguments(module, call, changing):
        held = owner(module, argument)
        if isinstance(held, ast.Name) and module.is_global(held):
            found = (
                f"a change of {held.id!r}, which outlives the call, by a function it is given to"
            )
            yield module.finding("mutation", call, found, "a copy made inside the function")
