"""Where a module changes values."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_compiledai.gates.policy.module import Module
from pytest_compiledai.gates.policy.scope import Binding


def changes(module: Module) -> Iterator[tuple[ast.AST, ast.expr, bool, list[ast.expr]]]:
    """Yield each change: where, of what, whether by `+=`, and what becomes a part of it."""
    calls, filling = module.policy.mutating_calls, module.policy.filling
    for node in module.of(ast.Attribute, ast.Subscript, ast.AugAssign, ast.Call):
        match node:
            case ast.Attribute(attr=name, ctx=ast.Load()) if is_mutator(module, node):
                call = module.parents.get(node)
                given = call.args if isinstance(call, ast.Call) and call.func is node else []
                yield node, node.value, False, given[name == "setdefault" :]  # not its key
            case ast.Attribute() | ast.Subscript() if not isinstance(node.ctx, ast.Load):
                above = module.parents.get(node)
                value = [above.value] if isinstance(above, ast.Assign | ast.AugAssign) else []
                yield node, node.value, False, value
            case ast.AugAssign(target=ast.Name() as target, value=value) if not _is_sum(node):
                yield node, target, True, [value]
            case ast.Call(func=ast.Attribute(attr=name), args=[first, *_]) if name in filling:
                yield node, first, False, []
            case ast.Call() if module.dotted(node.func) == "copy.deepcopy":
                yield from ((node, memo, False, []) for memo in _memos(node))
            case ast.Call(args=[first, *rest]) if module.dotted(node.func) in calls:
                yield node, first, False, rest
            case ast.Call(args=[first, *rest]) if module.dotted(first) in calls:
                yield from ((node, given, False, []) for given in rest)  # `partial(heappush, heap)`


def _memos(call: ast.Call) -> list[ast.expr]:
    """Return what `deepcopy` notes its copies in."""
    return [*call.args[1:2], *(word.value for word in call.keywords if word.arg == "memo")]


def is_mutator(module: Module, node: ast.Attribute) -> bool:
    """Whether an attribute is a method that changes its object: no field, no `operator.add`."""
    if node.attr not in module.policy.mutators or _is_field(module, node):
        return False
    return not (module.dotted(node) or "").startswith("operator.")


def _is_field(module: Module, node: ast.Attribute) -> bool:
    """Whether an attribute that is not called is read of classes that keep a value there."""
    above = module.parents.get(node)
    if isinstance(above, ast.Call) and above.func is node:
        return False
    bound = module.bindings(node.value) if isinstance(node.value, ast.Name) else []
    classes = [_class_of(module, item) for item in bound]
    return bool(classes) and all(
        found is not None and _keeps(module, found, node.attr) for found in classes
    )


def _class_of(module: Module, item: Binding) -> ast.ClassDef | None:
    """Return the class of this module that a name is, or is visibly an instance of."""
    named: ast.AST | None = None
    match item.node, item.value:
        case ast.ClassDef() as found, _:
            return found
        case ast.arg(annotation=hint), _:
            named = hint
        case ast.Name(), ast.Call(func=function) if item.kind == "assign":
            named = function
    bound = module.bindings(named) if isinstance(named, ast.Name) else []
    classes = [found.node for found in bound if isinstance(found.node, ast.ClassDef)]
    return classes[0] if len(classes) == len(bound) == 1 else None


def _keeps(module: Module, found: ast.ClassDef, name: str) -> bool:
    body = [statement for each in module.lineage(found) for statement in each.body]
    methods = {item.name for item in body if isinstance(item, ast.FunctionDef)}
    return name not in methods and any(name in module.members(c) for c in module.lineage(found))


def _is_sum(node: ast.AugAssign) -> bool:
    """Whether a change can be of a number only: no list and no set takes a number like this."""
    is_number = isinstance(node.value, ast.Constant) and isinstance(node.value.value, int | float)
    return is_number and not isinstance(node.op, ast.Mult)
