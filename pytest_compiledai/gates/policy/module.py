"""A parsed module with what every rule asks of it: scopes, parents, dotted names, constants."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator

from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.gates.policy.rulebook import Policy
from pytest_compiledai.gates.policy.scope import Binding
from pytest_compiledai.gates.policy.scope import Scope
from pytest_compiledai.gates.policy.scope import build


class Module:
    """One module under judgement; built once and read by all rules."""

    def __init__(
        self, tree: ast.Module, *, path: str, policy: Policy, capabilities: frozenset[str]
    ) -> None:
        self.tree = tree
        self.path = path
        self.policy = policy
        self.capabilities = capabilities
        self.granted = _granted(capabilities, policy)
        self.scopes = build(tree)
        self.nodes = list(ast.walk(tree))
        self.parents = {child: node for node in self.nodes for child in ast.iter_child_nodes(node)}

        self._targets: dict[tuple[Scope, str], str | None] = {}
        self.imported = frozenset(
            alias.name
            for node in self.nodes
            if isinstance(node, ast.Import)
            for alias in node.names
        )

    def finding(self, name: str, node: ast.AST, found: str, expected: str) -> Finding:
        """Return a finding at ``node`` in the one form: the line, what is there, what should be."""
        line = getattr(node, "lineno", 0)
        message = f"line {line}: found {found}; expected {expected}"
        return Finding(rule=f"security.{name}", message=message, path=self.path, line=line)

    def bindings(self, node: ast.Name) -> list[Binding]:
        """Return what gives the name at ``node`` its meaning; empty for builtins and unknowns."""
        scope = self.home(node)
        return scope.bindings[node.id] if scope else []

    def home(self, node: ast.Name) -> Scope | None:
        """Return the scope that binds the name at ``node``."""
        scope = self.scopes.get(node)
        return scope.find(node.id) if scope else None

    def dotted(self, node: ast.AST) -> str | None:
        """Return what ``node`` names, such as ``datetime.datetime.now`` or ``builtins.len``.

        ``None`` for anything that is not an imported or built-in name.
        """
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return None
        scope = self.home(node)
        head = f"builtins.{node.id}" if scope is None else self._target(scope, node.id)
        return None if head is None else ".".join([head, *reversed(parts)])

    def _target(self, scope: Scope, name: str) -> str | None:
        # Asked for every use of a name, so answered once for all its bindings.
        if (scope, name) not in self._targets:
            found = scope.bindings[name]
            targets = {item.target for item in found}
            plain = len(targets) == 1 and all(item.kind == "import" for item in found)
            self._targets[scope, name] = targets.pop() if plain else None
        return self._targets[scope, name]

    def is_global(self, node: ast.Name) -> bool:
        """Whether the name belongs to the module rather than to a function or class."""
        scope = self.home(node)
        return scope is not None and scope.kind == "module"

    def constant(self, node: ast.AST | None, depth: int = 0) -> object | None:
        """Return the value of a literal, of a constant's name, or of literals added together."""
        if isinstance(node, ast.Constant):
            return node.value
        if depth > 20:  # noqa: PLR2004 - a chain of names longer than this is no constant
            return None
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            left, right = self.constant(node.left, depth + 1), self.constant(node.right, depth + 1)
            return left + right if isinstance(left, str) and isinstance(right, str) else None
        if isinstance(node, ast.JoinedStr):
            return self._joined(node, depth)
        if isinstance(node, ast.Name):
            found = self.bindings(node)
            if (
                len(found) == 1
                and isinstance(found[0].node, ast.Name)
                and found[0].kind == "assign"
            ):
                parent = self.parents.get(found[0].node)
                if isinstance(parent, ast.Assign | ast.AnnAssign):
                    return self.constant(found[0].value, depth + 1)
        return None

    def _joined(self, node: ast.JoinedStr, depth: int) -> str | None:
        text = ""
        for part in node.values:
            inner = part.value if isinstance(part, ast.FormattedValue) else part
            value = self.constant(inner, depth + 1)
            if not isinstance(value, str):
                return None
            text += value
        return text

    def enclosing(self, node: ast.AST, kinds: tuple[type[ast.AST], ...]) -> ast.AST | None:
        """Return the nearest node around ``node`` that is one of ``kinds``."""
        above = self.parents.get(node)
        while above is not None and not isinstance(above, kinds):
            above = self.parents.get(above)
        return above

    def calls(self) -> Iterator[tuple[ast.Call, str]]:
        """Yield every call of an imported or built-in name with that name."""
        for node in self.nodes:
            if isinstance(node, ast.Call):
                name = self.dotted(node.func)
                if name is not None:
                    yield node, name


def _granted(capabilities: frozenset[str], policy: Policy) -> frozenset[str]:
    # A grant of a module that no grant opens, or that is not in the standard library, is no grant.
    names = (text.removeprefix("module:") for text in capabilities if text.startswith("module:"))
    return frozenset(
        name
        for name in names
        if name.partition(".")[0] in sys.stdlib_module_names
        and name.partition(".")[0] not in policy.never
    )
