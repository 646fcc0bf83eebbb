"""Values that outlive a call, changed under whatever name.

`purity` and `lasting` find a change whose name leads to the value. Here the way is any: a choice,
a helper's return value, a loop, a field, a copy that shares its parts.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.gates.policy.changing import changes
from pytest_compiledai.gates.policy.lasting import is_lasting
from pytest_compiledai.gates.policy.lasting import maker
from pytest_compiledai.gates.policy.meaning import Meaning
from pytest_compiledai.gates.policy.module import Module
from pytest_compiledai.gates.policy.scope import FUNCTIONS
from pytest_compiledai.gates.policy.scope import MAKING

_LISTS: Final = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
_FILLING: Final = "collections.defaultdict"
_CHAINED: Final = "collections.ChainMap"
#: What gives a value that nothing changes.
_FIXED: Final = frozenset(
    {"re.compile", "decimal.Decimal", "fractions.Fraction", "builtins.frozenset", "builtins.str",
     "builtins.int", "builtins.float", "builtins.len", "builtins.ord", "builtins.chr"}
)  # fmt: skip
#: Types that `+=` changes where they lie.
_GROWING: Final = frozenset(
    {"builtins.list", "builtins.dict", "builtins.set", "builtins.bytearray", "builtins.sorted",
     "collections.deque", "collections.defaultdict", "collections.Counter", "array.array",
     "collections.OrderedDict", "collections.UserList", "collections.UserDict"}
)  # fmt: skip


def check(module: Module) -> Iterator[Finding]:
    """Yield a finding for each change, while a function runs, of a value that outlives the call."""
    sites = [
        (node, changed, grows)
        for node, changed, grows, _ in changes(module)
        if not _while_made(module, node)
    ]
    reads = [node for node in _reads(module) if not _while_made(module, node)]
    lasting = any(is_lasting(module, node) for node in module.of(*_LISTS, ast.Call))
    if not lasting or not (sites or reads):
        return
    reach = Meaning(module)
    chained = [call for call in module.of(ast.Call) if module.dotted(call.func) == _CHAINED]
    first = [each for call in chained for each in call.args[:1]]
    reach.settle([*(changed for _, changed, _ in sites), *(read.value for read in reads), *first])
    for read in reads:
        values = reach.of(read.value)
        if any(_is_filling(module, value) for value in values) and any(
            is_lasting(module, value) for value in values
        ):
            found = "a look-up in a defaultdict that outlives the call, which adds to it"
            yield module.finding("mutation", read, found, "its method `get`")
    for node, changed, grows in sites:
        values = reach.of(changed)
        # What is written into a chain goes into its first map.
        values |= reach.all_of(c.args[0] for c in chained if c in values and c.args)
        kept = [v for v in values if not _is_being_made(module, v, node)]
        if any(_is_changed(module, value, grows=grows) for value in kept):
            found = (
                f"a change of {ast.unparse(changed)[:40]!r}, which can be what outlives the call"
            )
            yield module.finding("mutation", node, found, "a copy made inside the function")


def _reads(module: Module) -> Iterator[ast.Subscript]:
    """Yield each look-up, where the module has a dictionary that a look-up adds to."""
    if _FILLING in module.named:
        yield from (n for n in module.of(ast.Subscript) if isinstance(n.ctx, ast.Load))


def _is_filling(module: Module, value: ast.AST) -> bool:
    return isinstance(value, ast.Call) and module.dotted(value.func) == _FILLING


def _is_being_made(module: Module, value: ast.AST, change: ast.AST) -> bool:
    """Whether a change is a step of the cached function that makes a value, or of its helpers."""
    making, inside = maker(module, value), module.enclosing(change, FUNCTIONS)
    seen: set[ast.AST] = set()
    pending = [making] if making is not None else []
    while pending and inside not in seen:
        function = pending.pop()
        if function in seen:
            continue
        seen.add(function)
        for node in ast.walk(function):
            if isinstance(node, FUNCTIONS):
                pending.append(node)
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                pending += [item.node for item in module.bindings(node.func) if item.kind == "def"]
    return inside in seen


def _is_changed(module: Module, value: ast.AST, *, grows: bool) -> bool:
    if isinstance(value, ast.Tuple) or not is_lasting(module, value):
        return False
    if isinstance(value, ast.Call) and module.dotted(value.func) in _FIXED:
        return False
    plain = isinstance(value, ast.BinOp)  # of texts, of numbers, of paths
    return not (grows or plain) or _is_growing(module, value)


def _is_growing(module: Module, value: ast.AST) -> bool:
    match value:
        case ast.Call(func=function):
            return module.dotted(function) in _GROWING
        case ast.BinOp(left=left, right=right):
            return _is_growing(module, left) or _is_growing(module, right)
    return isinstance(value, _LISTS)


def _while_made(module: Module, node: ast.AST) -> bool:
    """Whether a change is part of what makes a value: outside functions, or an instance's own."""
    function = module.enclosing(node, FUNCTIONS)
    return function is None or getattr(function, "name", "") in MAKING
