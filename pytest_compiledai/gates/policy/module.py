"""A parsed module with what every rule asks of it: scopes, parents, dotted names, constants."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cached_property

from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.gates.policy.rulebook import Policy
from pytest_compiledai.gates.policy.scope import Binding
from pytest_compiledai.gates.policy.scope import Scope
from pytest_compiledai.gates.policy.scope import build
from pytest_compiledai.gates.policy.tree import Tree

# A longer chain of names stands for nothing that can be told.
_LONGEST_CHAIN = 20


class Module:
    """One module under judgement; built once and read by all rules."""

    def __init__(
        self,
        tree: Tree,
        *,
        path: str,
        policy: Policy,
        capabilities: frozenset[str],
        foreign: frozenset[str] = frozenset(),
    ) -> None:
        self.tree = tree.root
        self.path = path
        self.policy = policy
        self.capabilities = capabilities
        self.granted = _granted(capabilities, policy) | foreign
        self.nodes = tree.nodes
        self.parents = tree.parents
        self.children = tree.children
        self.of = tree.of
        self.scopes = build(tree)
        self.own = _own_attributes(self.of(ast.Assign))
        self._targets: dict[tuple[Scope, str], str | None] = {}
        self._dotted: dict[ast.AST, str | None] = {}
        self._described: dict[ast.AST, str | None] = {}
        self._members: dict[ast.ClassDef, frozenset[str]] = {}
        self.inherited: dict[tuple[Scope | None, str, str], bool] = {}  # see `doors.is_inherited`
        self.imported = frozenset(a.name for node in self.of(ast.Import) for a in node.names)
        #: Everything that an import names, modules and members alike.
        self.used = self.imported.union(
            f"{node.module}.{a.name}" for node in self.of(ast.ImportFrom) for a in node.names
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
        if not isinstance(node, ast.Name | ast.Attribute):
            return None
        if node not in self._dotted:
            self._dotted[node] = self._spelled(node)
        return self._dotted[node]

    def _spelled(self, node: ast.AST) -> str | None:
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

    def described(self, node: ast.AST, depth: int = 0) -> str | None:
        """Return how the value of ``node`` was made: ``sqlite3.connect().cursor().execute``.

        Follows names, and attributes of ``self``, to the one expression that they stand for.
        """
        if node not in self._described:
            self._described[node] = None  # a name that stands for itself ends here
            self._described[node] = self._made(node, depth)
        return self._described[node]

    def _made(self, node: ast.AST, depth: int) -> str | None:  # noqa: PLR0911 - a case each
        if depth > _LONGEST_CHAIN:
            return None
        match node:
            case ast.Name():
                return self.dotted(node) or self._made_of(self._single(node), depth)
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name):
                return self._made_of(self.own.get(name), depth)
            case ast.Attribute(value=value, attr=name):
                return _joined(self.described(value, depth + 1), f".{name}")
            case ast.Call(func=function):
                return _joined(self.described(function, depth + 1), "()")
            case ast.Await(value=value):
                return self.described(value, depth + 1)
        return None

    def _made_of(self, value: ast.expr | None, depth: int) -> str | None:
        return None if value is None else self.described(value, depth + 1)

    def _single(self, node: ast.Name) -> ast.expr | None:
        """Return the expression that a name is bound to as a whole; of several, the first."""
        for found in self.bindings(node)[:1]:
            if found.kind in {"assign", "with"} and isinstance(found.node, ast.Name):
                above = self.parents.get(found.node)
                if not isinstance(above, ast.Tuple | ast.List | ast.AugAssign):
                    return found.value
        return None

    @cached_property
    def named(self) -> frozenset[str | None]:
        """Every imported or built-in name that the module uses."""
        return frozenset(self.dotted(node) for node in self.of(ast.Name, ast.Attribute))

    def members(self, node: ast.ClassDef) -> frozenset[str]:
        """Return the names that a class binds, and the attributes that its methods set."""
        if node not in self._members:
            inner = self.scopes[node.body[0]]
            stored = {
                item.attr
                for item in ast.walk(node)
                if isinstance(item, ast.Attribute) and isinstance(item.ctx, ast.Store)
            }
            self._members[node] = frozenset(stored.union(inner.bindings))
        return self._members[node]

    def lineage(self, node: ast.AST) -> Iterator[ast.ClassDef]:
        """Yield a class of this module and its bases that are written here, each once."""
        pending, seen = [node], set[ast.AST]()
        while pending:
            found = pending.pop()
            if not isinstance(found, ast.ClassDef) or found in seen:
                continue
            seen.add(found)
            yield found
            for base in found.bases:
                if isinstance(base, ast.Name):
                    pending += [item.node for item in self.bindings(base)]

    def is_global(self, node: ast.Name) -> bool:
        """Whether the name belongs to the module rather than to a function or class."""
        scope = self.home(node)
        return scope is not None and scope.kind == "module"

    def constant(  # noqa: PLR0911 - a form a line
        self, node: ast.AST | None, depth: int = 0
    ) -> object | None:
        """Return the value of a literal, of a constant's name, or of literals added together."""
        if isinstance(node, ast.Constant):
            return node.value
        if depth > _LONGEST_CHAIN:
            return None
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            left, right = self.constant(node.left, depth + 1), self.constant(node.right, depth + 1)
            return left + right if isinstance(left, str) and isinstance(right, str) else None
        if isinstance(node, ast.JoinedStr):
            return self._joined(node, depth)
        if isinstance(node, ast.Call):
            return self._put_together(node, depth)
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

    def _put_together(self, node: ast.Call, depth: int) -> str | None:
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Constant(value=str(sign)), attr="join"),
                args=[ast.List(elts=parts) | ast.Tuple(elts=parts)],
            ):
                texts = [self.constant(part, depth + 1) for part in parts]
                known = [text for text in texts if isinstance(text, str)]
                return sign.join(known) if len(known) == len(texts) else None
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
        for node in self.of(ast.Call):
            name = self.dotted(node.func)
            if name is not None:
                yield node, name


def _own_attributes(nodes: list[ast.Assign]) -> dict[str, ast.expr]:
    """Return what each attribute of ``self`` is set to, where that is one expression."""
    found: dict[str, list[ast.expr]] = {}
    for node in nodes:
        for target in node.targets:
            match target:
                case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name):
                    found.setdefault(name, []).append(node.value)
    return {name: values[0] for name, values in found.items() if len(values) == 1}


def _joined(head: str | None, tail: str) -> str | None:
    return None if head is None else head + tail


def _granted(capabilities: frozenset[str], policy: Policy) -> frozenset[str]:
    # A grant of a module that no grant opens, or that is not in the standard library, is no grant.
    names = (text.removeprefix("module:") for text in capabilities if text.startswith("module:"))
    return frozenset(
        name
        for name in names
        if name.partition(".")[0] in sys.stdlib_module_names
        and name.partition(".")[0] not in policy.never
    )
