"""Where a module changes values."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_compiledai.gates.policy.module import Module


def changes(module: Module) -> Iterator[tuple[ast.AST, ast.expr, bool, list[ast.expr]]]:
    """Yield each change: where, of what, whether by `+=`, and what becomes a part of it."""
    calls = module.policy.mutating_calls
    for node in module.of(ast.Attribute, ast.Subscript, ast.AugAssign, ast.Call):
        match node:
            case ast.Attribute(attr=name, ctx=ast.Load()) if name in module.policy.mutators:
                call = module.parents.get(node)
                given = call.args if isinstance(call, ast.Call) and call.func is node else []
                yield node, node.value, False, given[name == "setdefault" :]  # not its key
            case ast.Attribute() | ast.Subscript() if not isinstance(node.ctx, ast.Load):
                above = module.parents.get(node)
                value = [above.value] if isinstance(above, ast.Assign | ast.AugAssign) else []
                yield node, node.value, False, value
            case ast.AugAssign(target=ast.Name() as target, value=value) if not _is_sum(node):
                yield node, target, True, [value]
            case ast.Call(args=[first, *rest]) if module.dotted(node.func) in calls:
                yield node, first, False, rest
            case ast.Call(args=[first, *rest]) if module.dotted(first) in calls:
                yield from ((node, given, False, []) for given in rest)  # `partial(heappush, heap)`


def _is_sum(node: ast.AugAssign) -> bool:
    """Whether a change can be of a number only: no list and no set takes a number like this."""
    is_number = isinstance(node.value, ast.Constant) and isinstance(node.value.value, int | float)
    return is_number and not isinstance(node.op, ast.Mult)
