"""Which expressions carry text of the caller's choosing."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from collections.abc import Iterator

from pytest_compiledai.gates.policy.module import Module
from pytest_compiledai.gates.policy.scope import Binding
from pytest_compiledai.gates.policy.scope import Scope

_OWN = frozenset({"self", "cls"})
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.GeneratorExp)
_CONDITIONS = (ast.Compare, ast.Constant, ast.Lambda)

# A node, or a variable: what is bound to it anywhere it carries everywhere.
_Place = ast.AST | tuple[Scope, str] | None


class Taint:
    """Follows values from parameters through names, calls and containers inside one module.

    A parameter of a function that is only called from inside the module carries what the calls
    pass; every other parameter carries the caller's text. Every step is "carries it if one of its
    parts does", so what is tainted is what can be reached from the open parameters.
    """

    def __init__(self, module: Module) -> None:
        self.module = module
        self._callers = _callers(module)
        self._tainted = self._reach()

    def is_tainted(self, node: ast.AST | None) -> bool:
        """Whether the value of ``node`` can depend on a parameter, uncleaned."""
        return node in self._tainted

    def _reach(self) -> set[_Place]:
        users: dict[_Place, list[_Place]] = {}
        pending: list[_Place] = []
        for node in self.module.nodes:
            if isinstance(node, ast.arg) and self._is_open(node):
                pending.append(node)
            for part in self._parts(node):
                users.setdefault(part, []).append(node)
        for scope in set(self.module.scopes.values()):
            for name, found in scope.bindings.items():
                for binding in found:
                    users.setdefault(_carrier(binding), []).append((scope, name))
        reached: set[_Place] = set()
        while pending:
            place = pending.pop()
            if place not in reached:
                reached.add(place)
                pending += users.get(place, ())
        return reached

    def _parts(self, node: ast.AST) -> Iterable[_Place]:  # noqa: PLR0911 - a form a line
        match node:
            case ast.arg():
                return self._passed(node)
            case ast.Name():
                scope = self.module.home(node)
                return [(scope, node.id)] if scope else []
            case ast.Call():
                return self._call_parts(node)
            case ast.IfExp():
                return [node.body, node.orelse]
            case ast.Subscript():
                # A table of constants answers with constants, whatever it is asked.
                return [node.value]
            case ast.DictComp():
                return [node.key, node.value]
            case _ if isinstance(node, _COMPREHENSIONS):
                return [node.elt]
            case ast.expr() | ast.keyword() if not isinstance(node, _CONDITIONS):
                return ast.iter_child_nodes(node)
        return ()

    def _call_parts(self, node: ast.Call) -> list[ast.expr]:
        if self.module.dotted(node.func) in self.module.policy.cleaners:
            return []
        values = [*node.args, *(keyword.value for keyword in node.keywords)]
        if not isinstance(node.func, ast.Attribute):
            return values
        # What a table is asked for is not what it answers; its default is.
        asked = values[1:] if node.func.attr == "get" else values
        return [*asked, node.func.value]

    def _calls_of(self, argument: ast.arg) -> tuple[ast.FunctionDef, list[ast.Call]] | None:
        arguments = self.module.parents.get(argument)
        function = self.module.parents.get(arguments) if arguments is not None else None
        if isinstance(function, ast.FunctionDef) and function in self._callers:
            return function, self._callers[function]
        return None

    def _is_open(self, argument: ast.arg) -> bool:
        """Whether somebody outside the module decides the value, or a call does not show it."""
        inside = self._calls_of(argument)
        if argument.arg in _OWN:
            return False
        return inside is None or any(_is_spread(call) for call in inside[1])

    def _passed(self, argument: ast.arg) -> Iterator[ast.expr]:
        function, calls = self._calls_of(argument) or (None, [])
        if function is None or argument.arg in _OWN:
            return
        names = [item.arg for item in [*function.args.posonlyargs, *function.args.args]]
        position = names.index(argument.arg) if argument.arg in names else len(names)
        for call in calls:
            yield from call.args[position : position + 1]
            yield from (item.value for item in call.keywords if item.arg == argument.arg)


def _carrier(binding: Binding) -> ast.AST | None:
    return binding.node if isinstance(binding.node, ast.arg) else binding.value


def _is_spread(call: ast.Call) -> bool:
    starred = any(isinstance(item, ast.Starred) for item in call.args)
    return starred or any(keyword.arg is None for keyword in call.keywords)


def _callers(module: Module) -> dict[ast.AST, list[ast.Call]]:
    """Return the calls of each function that another function of the module calls, and nobody else.

    A function that is also used as a value, or only calls itself, is open to the outside.
    """
    calls: dict[ast.AST, list[ast.Call]] = {}
    opened: set[ast.AST] = set()
    for node in module.nodes:
        if not (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)):
            continue
        found = module.bindings(node)
        if len(found) != 1 or found[0].kind != "def":
            continue
        parent = module.parents.get(node)
        if isinstance(parent, ast.Call) and parent.func is node:
            calls.setdefault(found[0].node, []).append(parent)
        else:
            opened.add(found[0].node)
    return {
        function: found
        for function, found in calls.items()
        if function not in opened and any(not _is_inside(module, call, function) for call in found)
    }


def _is_inside(module: Module, node: ast.AST, function: ast.AST) -> bool:
    above: ast.AST | None = node
    while above is not None and above is not function:
        above = module.parents.get(above)
    return above is function
