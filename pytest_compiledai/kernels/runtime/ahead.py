"""Loads of weights that a kernel may begin while it waits for the one in front of it.

A loop over a row begins with a block of weights that depends on nothing but the program's place.
The load of that first block is written once more in front of the wait; its value is not used, and
the loop finds the bytes in the device's last cache. What is computed stays the same.
"""

from __future__ import annotations

import ast
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Final

_MARK: Final = "_ahead"


def loads(
    body: Sequence[ast.stmt], wait: int, *, weights: Collection[str], moving: Collection[str]
) -> list[str]:
    """Return statements that may stand in front of ``body[wait]``, where the kernel waits.

    Of a loop that begins at nought the first round's masked loads of ``weights`` are taken, where
    all that they need is computed of plain assignments without ``moving``. The mask is the loop's
    own, so nothing is read that the loop would not read.
    """
    found: list[str] = []
    for place, loop in enumerate(body):
        if place < wait or not isinstance(loop, ast.For) or not _starts_at_nought(loop):
            continue
        assert isinstance(loop.target, ast.Name)
        known = {*weights, *_chosen(body[:place], weights, moving)}
        for at, statement in enumerate(loop.body):
            for call in _masked_loads(statement, known):
                before = [*body[wait:place], *loop.body[:at]]
                found += _written(call, before, loop.target.id, moving)
    return list(dict.fromkeys(found))


def _chosen(
    body: Sequence[ast.stmt], weights: Collection[str], moving: Collection[str]
) -> Iterator[str]:
    """Yield the names that stand for one of ``weights``, of which a program reads one."""
    for statement in body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                read = set(names_read(value))
                if read & set(weights) and not read & set(moving):
                    yield name


def _starts_at_nought(loop: ast.For) -> bool:
    match loop:
        case ast.For(
            target=ast.Name(),
            iter=ast.Call(func=ast.Name(id="range"), args=[ast.Constant(value=0), _, *_]),
        ):
            return True
    return False


def _masked_loads(statement: ast.stmt, weights: Collection[str]) -> Iterator[ast.Call]:
    if not isinstance(statement, (ast.Assign, ast.AugAssign)):
        return
    for node in ast.walk(statement):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="tl"), attr="load"), args=[place]):
                masked = any(keyword.arg == "mask" for keyword in node.keywords)
                if masked and set(names_read(place)) & set(weights):
                    yield node


def _written(
    call: ast.Call, before: Sequence[ast.stmt], counter: str, moving: Collection[str]
) -> list[str]:
    """Return the load with the assignments that it needs; nothing where one is not plain."""
    needed = set(names_read(call))
    taken: list[ast.Assign] = []
    for statement in reversed(before):
        stored = {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and _stores(n)}
        if not stored & needed:
            continue
        if not isinstance(statement, ast.Assign) or len(stored) > 1:
            return []
        if not isinstance(statement.targets[0], ast.Name):
            return []
        taken.insert(0, statement)
        needed |= set(names_read(statement.value))
    renamed = {s.targets[0].id for s in taken if isinstance(s.targets[0], ast.Name)}
    if (needed - renamed) & set(moving):
        return []
    change = _Renamed(renamed, counter)
    volatile = ast.keyword(arg="volatile", value=ast.Constant(value=True))
    loaded = ast.Call(func=call.func, args=call.args, keywords=[*call.keywords, volatile])
    nodes: list[ast.AST] = [*taken, ast.Expr(value=loaded)]
    return [ast.unparse(ast.fix_missing_locations(change.visit(_copy(node)))) for node in nodes]


def _copy(node: ast.AST) -> ast.AST:
    return ast.parse(ast.unparse(node)).body[0]


def _stores(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


def names_read(node: ast.AST) -> Iterator[str]:
    """Yield the names that are read; a pointer's type is known before it points anywhere."""
    if isinstance(node, ast.Attribute) and node.attr == "dtype":
        return
    if isinstance(node, ast.Name):
        yield node.id
    for child in ast.iter_child_nodes(node):
        yield from names_read(child)


class _Renamed(ast.NodeTransformer):
    """Gives copies names of their own, and the loop's counter its first value."""

    def __init__(self, names: Collection[str], counter: str) -> None:
        self._names = names
        self._counter = counter

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id == self._counter:
            return ast.Constant(value=0)
        return ast.Name(id=node.id + _MARK, ctx=node.ctx) if node.id in self._names else node
