"""Scopes of a module: which name means what, and where.

Covers functions, classes, lambdas, comprehensions, match captures and type parameters. Does not run
anything: a name bound on one branch only counts as bound.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field
from typing import NamedTuple

from pytest_compiledai.core.trees import children
from pytest_compiledai.gates.policy.tree import Tree

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
#: Methods in which an instance is made, and may be given its attributes.
MAKING = frozenset({"__init__", "__new__", "__post_init__"})
# Nodes that neither bind a name nor open a scope: most of every tree.
_PLAIN = frozenset(
    {ast.Name, ast.Attribute, ast.Constant, ast.Call, ast.Expr, ast.keyword, ast.Subscript,
     ast.BinOp, ast.Compare, ast.If, ast.Return, ast.Assign, ast.AnnAssign, ast.AugAssign,
     ast.Import,
     ast.ImportFrom, ast.alias, ast.Tuple, ast.List, ast.Dict, ast.Set, ast.JoinedStr,
     ast.FormattedValue, ast.For, ast.While, ast.Try, ast.ExceptHandler, ast.With, ast.withitem,
     ast.Raise, ast.BoolOp, ast.UnaryOp, ast.IfExp, ast.Module, ast.Starred, ast.Slice, ast.arg,
     ast.NamedExpr, ast.Pass, ast.Delete}
)  # fmt: skip
_BINDING = frozenset(
    {ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Assign,
     ast.AnnAssign, ast.AugAssign, ast.NamedExpr, ast.For, ast.AsyncFor, ast.withitem,
     ast.ExceptHandler, ast.MatchAs, ast.MatchStar, ast.MatchMapping,
     getattr(ast, "TypeAlias", ast.MatchAs)}
)  # fmt: skip


class Binding(NamedTuple):
    """One place that gives a name its meaning."""

    kind: str  # import, param, assign, loop, def, class, except, with, match, type
    node: ast.AST
    value: ast.expr | None = None  # what is assigned, iterated or entered
    target: str = ""  # the dotted name that an import stands for


@dataclass(slots=True, eq=False)
class Scope:
    """The names of one module, function, class, comprehension or type parameter list."""

    kind: str
    node: ast.AST
    parent: Scope | None = None
    bindings: dict[str, list[Binding]] = field(default_factory=dict)
    outer: set[str] = field(default_factory=set)  # declared nonlocal or global here

    def find(self, name: str) -> Scope | None:
        """Return the scope that ``name`` means when it is read here, or ``None`` for no binding."""
        scope: Scope | None = self
        while scope is not None:
            visible = scope.kind != "class" or scope is self
            if visible and name in scope.bindings:
                return scope
            scope = scope.parent
        return None

    def bind(self, name: str, binding: Binding) -> None:
        """Add a binding, unless the name was declared to belong to an outer scope."""
        if name not in self.outer:
            self.bindings.setdefault(name, []).append(binding)


def build(tree: Tree) -> dict[ast.AST, Scope]:
    """Return the scope in which each node of ``tree`` is evaluated."""
    owner: dict[ast.AST, Scope] = {}
    pending: list[tuple[ast.AST, Scope]] = [(tree.root, Scope("module", tree.root))]
    while pending:
        node, scope = pending.pop()
        owner[node] = scope
        if type(node) in _BINDING:
            _bind(node, scope)
        kind = type(node)
        if kind in _PLAIN:
            pending += [(child, scope) for child in tree.children[node]]
        else:
            pending.extend(_children(node, scope))
    return owner


def _children(node: ast.AST, scope: Scope) -> Iterator[tuple[ast.AST, Scope]]:
    if isinstance(node, FUNCTIONS):
        yield from _function_children(node, scope)
    elif isinstance(node, ast.ClassDef):
        around = _type_scope(node, scope)
        inner = Scope("class", node, around)
        yield from ((child, scope) for child in node.decorator_list)
        yield from ((child, around) for child in [*node.bases, *node.keywords, *_type_params(node)])
        yield from ((child, inner) for child in node.body)
    elif isinstance(node, _COMPREHENSIONS):
        yield from _comprehension_children(node, scope)
    elif type(node).__name__ == "TypeAlias":
        around = _type_scope(node, scope)
        yield from ((child, around) for child in ast.iter_child_nodes(node))
    else:
        yield from ((child, scope) for child in ast.iter_child_nodes(node))


def _function_children(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, scope: Scope
) -> Iterator[tuple[ast.AST, Scope]]:
    around = _type_scope(node, scope)
    inner = Scope("function", node, around)
    arguments = node.args
    for argument in parameters(arguments):
        inner.bind(argument.arg, Binding("param", argument))
        yield argument, around
    for default in [*arguments.defaults, *arguments.kw_defaults]:
        if default is not None:
            yield default, scope
    if isinstance(node, ast.Lambda):
        yield node.body, inner
        return
    inner.outer |= _declared_outer(node)
    yield from ((child, scope) for child in node.decorator_list)
    yield from ((child, around) for child in _type_params(node))
    if node.returns is not None:
        yield node.returns, around
    yield from ((child, inner) for child in node.body)


def _comprehension_children(node: ast.expr, scope: Scope) -> Iterator[tuple[ast.AST, Scope]]:
    inner = Scope("comprehension", node, scope)
    generators: list[ast.comprehension] = node.generators  # type: ignore[attr-defined]
    for index, generator in enumerate(generators):
        _bind_targets(generator.target, inner, "loop", generator.iter)
        yield generator.target, inner
        yield generator.iter, scope if index == 0 else inner
        yield from ((condition, inner) for condition in generator.ifs)
    parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]  # type: ignore[attr-defined]
    yield from ((part, inner) for part in parts)


def _bind(node: ast.AST, scope: Scope) -> None:  # noqa: C901, PLR0912 - a form a case
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            scope.bind(node.name, Binding("def", node))
        case ast.ClassDef():
            scope.bind(node.name, Binding("class", node))
        case ast.Import():
            _bind_import(node, scope)
        case ast.ImportFrom():
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                scope.bind(alias.asname or alias.name, Binding("import", node, target=name))
        case ast.Assign():
            for target in node.targets:
                _bind_targets(target, scope, "assign", node.value)
        case ast.AnnAssign() | ast.AugAssign():
            _bind_targets(node.target, scope, "assign", node.value)
        case ast.NamedExpr():
            _bind_targets(node.target, _outside_comprehensions(scope), "assign", node.value)
        case ast.For() | ast.AsyncFor():
            _bind_targets(node.target, scope, "loop", node.iter)
        case ast.withitem(optional_vars=ast.expr() as target):
            _bind_targets(target, scope, "with", node.context_expr)
        case ast.ExceptHandler(name=str(name)):
            scope.bind(name, Binding("except", node))
        case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            scope.bind(name, Binding("match", node))
        case ast.MatchMapping(rest=str(name)):
            scope.bind(name, Binding("match", node))
        case _ if type(node).__name__ == "TypeAlias":
            _bind_targets(node.name, scope, "type", None)  # type: ignore[attr-defined]


def _bind_import(node: ast.Import, scope: Scope) -> None:
    for alias in node.names:
        # `import a.b` binds `a`; `import a.b as c` binds the inner module.
        bound = alias.asname or alias.name.partition(".")[0]
        target = alias.name if alias.asname else bound
        scope.bind(bound, Binding("import", node, target=target))


def _bind_targets(target: ast.expr, scope: Scope, kind: str, value: ast.expr | None) -> None:
    for node in ast.walk(target):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            scope.bind(node.id, Binding(kind, node, value))


def _outside_comprehensions(scope: Scope) -> Scope:
    while scope.kind == "comprehension" and scope.parent is not None:
        scope = scope.parent
    return scope


def _declared_outer(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    names: set[str] = set()
    pending: list[ast.AST] = list(function.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Global | ast.Nonlocal):
            names.update(node.names)
        elif not isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            pending += children(node)
    return names


def _type_params(node: ast.AST) -> list[ast.AST]:
    return list(getattr(node, "type_params", []))


def _type_scope(node: ast.AST, scope: Scope) -> Scope:
    found = _type_params(node)
    if not found:
        return scope
    inner = Scope("type", node, scope)
    for parameter in found:
        inner.bind(parameter.name, Binding("type", parameter))  # type: ignore[attr-defined]
    return inner


def parameters(arguments: ast.arguments) -> list[ast.arg]:
    """Return every parameter, in the order of the source."""
    found = [*arguments.posonlyargs, *arguments.args]
    found += [arguments.vararg] if arguments.vararg else []
    found += arguments.kwonlyargs
    return found + ([arguments.kwarg] if arguments.kwarg else [])
