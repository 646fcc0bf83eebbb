"""A syntax tree walked once: its nodes, what lies above and below each, and how deep it is."""

from __future__ import annotations

import ast
from typing import TypeVar

from pytest_compiledai.core.trees import children

_Node = TypeVar("_Node", bound=ast.AST)


class Tree:
    """The nodes of one module, level by level, and by their type."""

    def __init__(self, root: ast.Module) -> None:
        self.root = root
        self.nodes: list[ast.AST] = []
        self.parents: dict[ast.AST, ast.AST] = {}
        self.children: dict[ast.AST, list[ast.AST]] = {}
        self.depth = 0
        self._of: dict[type[ast.AST], list[ast.AST]] = {}
        level: list[ast.AST] = [root]
        while level:
            self.depth += 1
            self.nodes += level
            level = [child for node in level for child in self._below(node)]

    def of(self, *kinds: type[_Node]) -> list[_Node]:
        """Return the nodes of exactly these types, type by type in the order of the levels."""
        found: list[_Node] = []
        for kind in kinds:
            found += self._of.get(kind, ())  # type: ignore[arg-type]
        return found

    def _below(self, node: ast.AST) -> list[ast.AST]:
        found = self.children[node] = children(node)
        self._of.setdefault(type(node), []).append(node)
        for child in found:
            self.parents[child] = node
        return found
